"""Who the client is, and how much it may have: behind trusted proxies, with and without the PROXY protocol."""

import select
import struct
import threading

import pytest
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer
from kit.wire import request

FREE = route("/free/*", "free")
PAID = route("GET /paid", "$0.001")
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.fixture(scope="module")
def trusting(module_site):
    return module_site([FREE, PAID], server={"trusted_proxies": ["127.0.0.1"]})


@pytest.mark.parametrize("fields, told", [
    ({"X-Forwarded-For": "192.0.2.7"}, "192.0.2.7, 127.0.0.1"),
    ({"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}, "192.0.2.7, 127.0.0.1"),
    ({"X-Forwarded-For": "2001:DB8::7"}, "2001:db8::7, 127.0.0.1"),
    ({"X-Forwarded-For": "nonsense"}, "127.0.0.1"),
    ({"Forwarded": "for=192.0.2.7"}, "127.0.0.1"),
    ({}, "127.0.0.1"),
])
def test_a_trusted_proxy_names_the_client(trusting, fields, told):
    trusting.upstream.reset()
    assert trusting.fetch("GET", "/free/a", fields).status == 200
    (call,) = trusting.upstream.calls()
    assert call.all("x-forwarded-for") == [told]
    assert "forwarded" not in call.names()


def test_the_log_names_the_client(trusting):
    trusting.fetch("GET", "/free/logged", {"X-Forwarded-For": "192.0.2.77"})
    assert trusting.process.wait_for_event("request", path="/free/logged")["remote"] == "192.0.2.77"


def test_whoever_is_not_trusted_names_nobody(site, upstream):
    fields = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7", "X-Real-IP": "192.0.2.7", "X-Forwarded-Proto": "https"}
    assert site.fetch("GET", "/free/a", fields).status == 200
    (call,) = upstream.calls()
    assert call.all("x-forwarded-for") == ["127.0.0.1"]
    assert call.all("x-forwarded-proto") == ["http"]
    assert call.all("x-real-ip") == ["127.0.0.1"]
    assert "forwarded" not in call.names()


def test_an_upstream_is_told_in_the_form_that_it_reads(make_site):
    site = make_site([FREE], server={"trusted_proxies": ["127.0.0.0/8"], "forwarded": "rfc7239"})
    site.write([FREE], server={"trusted_proxies": ["127.0.0.0/8"], "forwarded": "rfc7239"},
               upstreams=[{"name": "api", "url": site.upstream.url, "forwarded": "both"}])
    site.reload()
    site.process.wait_for_event("reloaded")
    site.fetch("GET", "/free/a", {"Forwarded": 'for="[2001:db8::7]:123";proto=https;host=shop.example'})
    (call,) = site.upstream.calls()
    assert call.all("forwarded") == ['for="[2001:db8::7]";proto=https;host="shop.example", for=127.0.0.1']
    assert call.all("x-forwarded-for") == ["2001:db8::7, 127.0.0.1"]
    assert call.all("x-forwarded-proto") == ["https"]
    assert call.all("x-forwarded-host") == ["shop.example"]


@pytest.mark.parametrize("client, again, status", [("192.0.2.1", "192.0.2.1", 200), ("192.0.2.1", "192.0.2.2", 402)])
def test_behind_a_trusted_proxy_the_real_address_proves_who_comes_back(make_site, payer, client, again, status):
    site = make_site([PAID], server={"trusted_proxies": ["127.0.0.1"]})
    site.upstream.answers["/paid"] = Answer(status=500)
    payment = payer.pay(site.challenge("/paid"))
    assert site.fetch("GET", "/paid", payment.fields("v2") | {"X-Forwarded-For": client}).status == 500
    del site.upstream.answers["/paid"]
    # No token: only the address shows that it is the same client.
    assert site.fetch("GET", "/paid", payment.fields("v2") | {"X-Forwarded-For": again}).status == status


def test_a_client_over_its_rate_is_told_when_to_come_back(make_site):
    site = make_site([FREE], server={"trusted_proxies": ["127.0.0.1"]}, limits={"client": "2/h"})
    statuses = [site.fetch("GET", "/free/a", {"X-Forwarded-For": "192.0.2.1"}).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = site.fetch("GET", "/free/a", {"X-Forwarded-For": "1.2.3.4, 192.0.2.1"})
    assert answer.status == 429 and 0 < int(answer.first("retry-after")) <= 1800
    assert answer.first("ratelimit-policy") == '"client";q=2;w=3600'
    assert answer.json()["error"] == "too_many_requests"
    assert site.fetch("GET", "/free/a", {"X-Forwarded-For": "192.0.2.2"}).status == 200
    assert len(site.upstream.calls()) == 3


def test_a_payer_over_its_rate_keeps_its_payment(make_site, payer):
    site = make_site([route("GET /paid", "$0.001", payer_limit="1/h")])
    assert site.pay(payer, "/paid")[1].status == 200
    payment, answer = site.pay(payer, "/paid")
    assert answer.status == 429 and len(site.rows_of(payer)) == 1
    site.write([PAID])
    site.reload()
    site.process.wait_for_event("reloaded")
    assert site.fetch("GET", "/paid", payment.fields("v2")).status == 200


def test_402s_are_not_minted_without_end(make_site, payer):
    site = make_site([PAID], limits={"challenges": "5/h burst 20"})
    challenge = site.challenge("/paid")
    statuses = [site.fetch("GET", "/paid").status for _ in range(60)]
    assert statuses == [402] * 19 + [429] * 41
    assert site.fetch("GET", "/paid", payer.pay(challenge).fields("v2")).status == 200


def test_a_full_route_sheds_before_it_takes_a_payment(make_site, make_payer):
    site = make_site([route("GET /paid", "$0.001", max_concurrent=2, max_queued=1, queue_timeout="60s"), FREE])
    gate = threading.Event()
    site.upstream.answers["/paid"] = Answer(gate=gate)
    payers = [make_payer() for _ in range(4)]
    payments = [payer.pay(site.challenge("/paid")) for payer in payers]
    connections = []
    try:
        for payment in payments:
            connections.append(site.connect().send(request("GET", "/paid", payment.fields("v2"))))
            wait_until(lambda: len(site.upstream.calls()) == min(len(connections), 2), "the upstream's calls")
        # Of the last two, whichever came first waits; the other is answered.
        (answered,), _, _ = select.select([connection.socket for connection in connections], [], [], 15)
        late = next(index for index, connection in enumerate(connections) if connection.socket is answered)
        answer = connections[late].read_response()
        assert late >= 2 and answer.status == 503
        assert answer.first("retry-after") == "1" and answer.json()["error"] == "overloaded"
        assert not site.rows_of(payers[2]) and not site.rows_of(payers[3])
        assert site.fetch("GET", "/free/a").status == 200
    finally:
        gate.set()
    connections.pop(late)
    assert [connection.read_response().status for connection in connections] == [200] * 3
    assert site.fetch("GET", "/paid", payments[late].fields("v2")).status == 200


def test_one_client_does_not_take_all_connections(make_site):
    site = make_site([FREE], server={"max_connections_per_client": 3})
    mine = [site.connect() for _ in range(3)]
    for connection in mine:
        assert connection.send(request("GET", "/free/a")).read_response().status == 200
    with site.connect() as surplus:
        assert surplus.read_response().status == 429
    with site.connect(source="127.0.0.2") as other:
        assert other.send(request("GET", "/free/a")).read_response().status == 200
    mine.pop().close()
    wait_until(lambda: site.fetch("GET", "/free/a").status == 200, "room for one more")


# The PROXY protocol.


def v2(source, port=4711, command=1, extensions=b"", family=0x11):
    addresses = bytes(map(int, source.split("."))) + bytes([127, 0, 0, 1]) + struct.pack("!HH", port, 443)
    body = addresses + extensions
    return V2_SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(body)) + body


@pytest.fixture(scope="module")
def proxied(module_site):
    return module_site([FREE, PAID], server={
        "proxy_protocol": True, "trusted_proxies": ["127.0.0.1"], "header_timeout": "400ms", "max_connections_per_client": 2})


@pytest.mark.parametrize("header, client", [
    (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (v2("192.0.2.7"), "192.0.2.7"),
    (v2("192.0.2.7", extensions=b"\x04\x00\x02ab"), "192.0.2.7"),
    (v2("192.0.2.7", command=0), "127.0.0.1"),
])
def test_a_proxy_header_names_the_client(proxied, header, client):
    proxied.upstream.reset()
    for cut in (len(header), 1, len(header) - 1):
        with proxied.connect() as connection:
            connection.send(header[:cut])
            connection.send(header[cut:] + request("GET", "/free/a", {"X-Forwarded-For": "6.6.6.6"}))
            assert connection.read_response().status == 200
    if client != "127.0.0.1":
        assert [call.all("x-forwarded-for") for call in proxied.upstream.calls()] == [[client]] * 3


@pytest.mark.parametrize("bytes_", [
    request("GET", "/free/a"), b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\n" + request("GET", "/free/a"),
    b"PROXY TCP4 192.0.2.7 127.0.0.1 04711 443\r\n", b"PROXY " + b"x" * 200, v2("192.0.2.7", family=0x12),
    v2("192.0.2.7", extensions=b"\x03\x00\x04abcd"), V2_SIGNATURE + b"\x11\x11\x00\x0c", V2_SIGNATURE + b"\x21\x11\xff\xff",
])
def test_what_is_no_proxy_header_is_closed_without_an_answer(proxied, bytes_):
    proxied.upstream.reset()
    with proxied.connect(timeout=5) as connection:
        connection.send(bytes_)
        assert connection.is_closed_by_peer()
    assert not proxied.upstream.calls()


def test_a_proxy_header_must_come_in_time(proxied):
    with proxied.connect(timeout=5) as connection:
        connection.send(b"PROXY TCP4 ")
        assert connection.is_closed_by_peer()


def test_only_a_trusted_peer_may_speak_the_proxy_protocol(proxied):
    with proxied.connect(source="127.0.0.2", timeout=5) as connection:
        assert connection.is_closed_by_peer()
    assert proxied.process.wait_for_event("request", remote="127.0.0.2")["remark"] == "a peer that may not speak the PROXY protocol"


def test_connections_are_counted_by_the_client_that_the_header_names(proxied):
    def connect(client):
        return proxied.connect().send(f"PROXY TCP4 {client} 127.0.0.1 1 2\r\n".encode() + request("GET", "/free/a"))

    first = [connect("192.0.2.9") for _ in range(2)]
    assert [connection.read_response().status for connection in first] == [200, 200]
    with connect("192.0.2.9") as third, connect("192.0.2.10") as other:
        assert third.read_response().status == 429
        assert other.read_response().status == 200
    for connection in first:
        connection.close()
