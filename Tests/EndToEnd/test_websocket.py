"""WebSocket through the paywall: the price is for the connection, and nothing opens it but the upstream's 101."""

import os

import pytest
from kit.http2 import Client
from kit.payments import Challenge
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer, Upstream
from kit.websocket import HANDSHAKE, WebSocketUpstream, frame, open_socket, refusal
from kit.wire import Response, request
from websockets.exceptions import ConnectionClosed

ROUTES = [
    route("GET /paid/*", "$0.001"), route("GET /after/*", "$0.001", settle="after"), route("GET /free/*", "free"),
    route("GET /none/*", "free", upgrade=[]),
]


@pytest.fixture(scope="module")
def chat(module_site):
    return module_site(ROUTES, upstream=WebSocketUpstream())


@pytest.mark.parametrize("form", ["v2", "v1", "plain"])
def test_a_client_reads_the_price_and_pays_with_its_handshake(chat, payer, form):
    before = len(chat.upstream.handshakes)
    challenge = Challenge(refusal(chat, "/paid/chat"))
    assert len(chat.upstream.handshakes) == before
    payment = payer.pay(challenge)
    with open_socket(chat, "/paid/chat", payment.fields(form)) as socket:
        fields = {name.lower() for name, _ in socket.response.headers.raw_items()}
        assert fields & {"payment-response", "x-payment-response"}
        for message in ("hello", b"\x00\x01", "x" * 100_000):
            socket.send(message)
            assert socket.recv() == message
    assert chat.states_of(payer) == [("settled", "delivered")]


def test_settled_after_it_opens_with_the_receipt(chat, payer):
    payment = payer.pay(Challenge(refusal(chat, "/after/chat")))
    with open_socket(chat, "/after/chat", payment.v2_fields()) as socket:
        assert socket.response.headers["payment-response"]
        socket.send("hello")
        assert socket.recv() == "hello"
    assert chat.states_of(payer) == [("settled", "delivered")]


def test_a_payment_opens_one_connection(chat, payer):
    payment = payer.pay(Challenge(refusal(chat, "/paid/chat")))
    with open_socket(chat, "/paid/chat", payment.v2_fields()):
        assert refusal(chat, "/paid/chat", payment.v2_fields()).status == 402
    assert refusal(chat, "/paid/chat", payment.v2_fields()).status == 402


def test_nothing_of_the_payment_reaches_the_upstream(chat, payer):
    payment = payer.pay(Challenge(refusal(chat, "/paid/chat")))
    with open_socket(chat, "/paid/chat", payment.v2_fields()):
        names = {name.lower() for name, _ in chat.upstream.handshakes[-1].headers.raw_items()}
    assert not names & {"payment-signature", "x-payment"}


def test_large_messages_both_ways(chat):
    with open_socket(chat, "/free/chat", compression=None) as socket:
        message = os.urandom(8 << 20)
        socket.send(message)
        assert socket.recv() == message


def test_a_close_by_the_upstream_reaches_the_client(module_site):
    site = module_site(ROUTES, upstream=WebSocketUpstream(lambda connection: connection.close(4001, "enough")))
    with open_socket(site, "/free/chat") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
        assert closed.value.rcvd.code == 4001


def test_a_client_that_vanishes_closes_the_upstream(module_site):
    seen = []

    def handle(connection):
        try:
            connection.recv()
        except ConnectionClosed:
            seen.append("closed")

    site = module_site(ROUTES, upstream=WebSocketUpstream(handle))
    with site.connect() as connection:
        connection.send(request("GET", "/free/chat", HANDSHAKE))
        assert connection.read_head().status == 101
        connection.reset()
    wait_until(lambda: seen, "the upstream to see the end")


def test_a_route_can_be_closed_to_it(chat):
    """The upstream sees a request without an upgrade, and says so."""
    assert refusal(chat, "/none/chat").status in (400, 426)


def test_bytes_behind_a_refused_handshake_are_priced(module_site):
    """No request can be smuggled past the gate in the shadow of an upgrade that never was."""
    site = module_site(ROUTES, upstream=Upstream())
    with site.connect() as connection:
        connection.send(request("GET", "/free/x", HANDSHAKE) + request("GET", "/paid/x"))
        assert connection.read_response().status == 200
        assert connection.read_response().status == 402
    (call,) = site.upstream.calls()
    assert call.first("upgrade") == "websocket" and call.first("connection") == "upgrade"


@pytest.mark.parametrize("fields", [
    "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n",
    "",
])
def test_a_101_that_is_not_the_answer_opens_nothing(module_site, payer, fields):
    site = module_site(ROUTES, upstream=Upstream())
    smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    site.upstream.answers["/paid/x"] = Answer(
        raw=f"HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n{smuggled}".encode())
    payment = payer.pay(site.challenge("/paid/x"))
    with site.connect() as connection:
        connection.send(request("GET", "/paid/x", HANDSHAKE | payment.v2_fields()))
        assert connection.read_response().status == 502
        connection.send(request("GET", "/paid/y"))
        assert connection.read_response().status == 402
    assert site.states_of(payer) == [("settled", "undelivered")]


def test_a_request_with_a_body_is_no_upgrade(module_site):
    site = module_site([route("/free/*", "free", upgrade=["websocket", "tcp"])], upstream=Upstream())
    fields = {"Connection": "Upgrade", "Upgrade": "tcp"}
    assert site.fetch("POST", "/free/x", fields, body=b"body").status == 200
    assert site.fetch("POST", "/free/y", fields, body=b"").status == 200
    first, second = site.upstream.calls()
    assert first.body == b"body" and not first.first("upgrade")
    assert second.first("upgrade") == "tcp"


def test_an_idle_tunnel_is_closed(module_site):
    site = module_site(ROUTES, upstream=WebSocketUpstream(), server={"upgrade_idle_timeout": "300ms"})
    with site.connect() as connection:
        connection.send(request("GET", "/free/chat", HANDSHAKE))
        assert connection.read_head().status == 101
        assert connection.is_closed_by_peer()
    wait_until(lambda: "tunnel idle" in site.process.output(), "the line of the tunnel")
    assert '"status":101' in site.process.output()


def test_draining_closes_tunnels_in_the_end(make_site):
    site = make_site(ROUTES, upstream=WebSocketUpstream(), server={"drain_timeout": "300ms"})
    with site.connect() as connection:
        connection.send(request("GET", "/free/chat", HANDSHAKE))
        assert connection.read_head().status == 101
        assert site.stop() == 0
        assert connection.is_closed_by_peer()

def test_over_http_2_it_is_an_extended_connect(chat, payer):
    """RFC 8441: offered in the settings, priced as the GET that it is in HTTP/1.1, answered 200."""
    with Client(chat.process.address()) as client:
        unpaid = client.extended_connect("/paid/chat")
        refused = client.answer(unpaid)
        assert client.h2.remote_settings.enable_connect_protocol == 1
        assert refused.status == 402
        response = Response(402, "", [(name.decode(), value.decode()) for name, value in refused.fields], refused.body)
        payment = payer.pay(Challenge(response))
        stream = client.extended_connect("/paid/chat", [(k.lower(), v) for k, v in payment.v2_fields().items()])
        answer = client.answers[stream]
        client.until(lambda: answer.fields)
        names = {name for name, _ in answer.fields}
        assert answer.status == 200 and b"payment-response" in names
        assert not names & {b"upgrade", b"connection", b"sec-websocket-accept"}
        client.send_body(stream, frame(1, b"hello"), ends=False)
        client.until(lambda: answer.body == frame(1, b"hello", mask=False))
        client.send_body(stream, frame(8, b"\x03\xe8"), ends=False)
        client.until(lambda: answer.is_complete)
        client.h2.end_stream(stream)
        client.flush()
    assert chat.states_of(payer) == [("settled", "delivered")]


def test_over_http_2_nothing_but_websocket_is_connected_to(chat):
    with Client(chat.process.address()) as client:
        assert client.answer(client.extended_connect("/free/chat", protocol="connect-udp")).status == 501
        assert client.answer(client.extended_connect("/none/chat")).status in (400, 426)
        assert client.fetch("/free/chat").status in (400, 426)
