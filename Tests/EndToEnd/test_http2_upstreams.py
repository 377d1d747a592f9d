"""Upstreams that speak HTTP/2: by prior knowledge and by ALPN, many requests on one connection, and its ends."""

import base64
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import h2.settings
import pytest
from kit.balancers import NGINX
from kit.certificates import Authority
from kit.http2 import Client
from kit.http2_upstream import HTTP2Answer, HTTP2Upstream
from kit.payments import receipt_of
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import PIECE, Answer, Upstream
from kit.wire import request

ROUTES = [route("/free/*", "free"), route("/paid/*", "$0.001"), route("/after/*", "$0.001", settle="after")]
MAX_STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS
CANCEL = 8


def table(url, **keys):
    return [{"name": "api", "url": url, "protocol": "h2", **keys}]


@pytest.fixture(scope="module")
def one_site(module_site):
    upstream = HTTP2Upstream()
    return module_site(ROUTES, upstream, upstreams=table(upstream.url))


@pytest.fixture
def site(one_site):
    one_site.upstream.reset()
    yield one_site
    assert one_site.process.process.poll() is None, one_site.process.output()[-4000:]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def server_context(authority, name="upstream"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = authority.issue(name, ["127.0.0.1"])
    context.load_cert_chain(files["cert_file"], files["key_file"])
    return context


# Messages.


def test_a_request_has_its_form_in_http2(site):
    answer = site.fetch("POST", "/free/x?q=1", {"X-One": "1", "Cookie": "a=1"}, b"body")
    assert answer.status == 200 and answer.first("content-length")
    (call,) = site.upstream.calls()
    assert call.fields[:4] == [(":method", "POST"), (":scheme", "http"), (":path", "/free/x?q=1"), (":authority", call.first(":authority"))]
    assert call.first("x-one") == "1" and call.first("cookie") == "a=1" and call.first("content-length") == "4"
    assert call.body == b"body" and call.first("x-forwarded-for") == "127.0.0.1"
    assert not call.names() & {"host", "connection", "transfer-encoding", "te", "keep-alive"}


def test_a_paid_request_is_served_with_its_receipt(site, payer):
    for target in ("/paid/x", "/after/x"):
        _, answer = site.pay(payer, target)
        assert answer.status == 200 and receipt_of(answer)["success"] is True
    assert site.states_of(payer) == [("settled", "delivered")] * 2
    assert len(site.upstream.calls()) == 2


def test_trailers_and_interim_answers_go_through(site):
    site.upstream.answers["/free/t"] = HTTP2Answer(
        body=b"x", chunked=True, trailers=[("x-sum", "1")], interim=[(103, [("link", "</a>")])])
    with Client(site.process.address()) as client:
        stream = client.request("/free/t", "POST", ends=False)
        client.h2.send_data(stream, b"abc")
        client.h2.send_headers(stream, [("x-in", "1")], end_stream=True)
        client.flush()
        answer = client.answer(stream)
    assert (answer.status, answer.body, answer.trailers) == (200, b"x", [(b"x-sum", b"1")])
    call = site.upstream.calls()[-1]
    assert call.body == b"abc" and ("trailer x-in", "1") in call.fields


@pytest.mark.parametrize("status, method", [(204, "GET"), (304, "GET"), (200, "HEAD"), (404, "GET")])
def test_answers_without_a_body(site, status, method):
    site.upstream.answers["/free/s"] = HTTP2Answer(status=status, body=b"" if status == 404 else b"twelve bytes")
    with site.connect() as connection:
        for _ in range(2):
            connection.send(request(method, "/free/s"))
            answer = connection.read_response(method)
            assert (answer.status, answer.body) == (status, b"")
        assert answer.first("content-length") == {200: "12", 404: "0"}.get(status)


def test_large_bodies_go_both_ways(site):
    body = PIECE * 40
    site.upstream.answers["/free/big"] = HTTP2Answer(size=len(body))
    answer = site.fetch("POST", "/free/big", {}, body)
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    (call,) = site.upstream.calls()
    assert call.digest == hashlib.sha256(body).hexdigest()


# Many at once.


def test_many_requests_share_a_connection_and_do_not_wait_for_each_other(make_site):
    upstream = HTTP2Upstream()
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url))
    gate = threading.Event()
    upstream.answers["/free/slow"] = HTTP2Answer(gate=gate)
    with Client(site.process.address()) as client:
        slow = [client.request("/free/slow") for _ in range(50)]
        assert client.fetch("/free/fast").status == 200
        gate.set()
        assert all(client.answer(stream).status == 200 for stream in slow)
    assert upstream.accepted == 1


def test_no_more_streams_than_the_server_allows(make_site):
    upstream = HTTP2Upstream(settings={MAX_STREAMS: 5})
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url, max_connections=2))
    gate = threading.Event()
    upstream.answers["/free/slow"] = HTTP2Answer(gate=gate)
    with Client(site.process.address()) as client:
        slow = [client.request("/free/slow") for _ in range(20)]
        upstream.wait_for_calls(10)
        gate.set()
        assert all(client.answer(stream).status == 200 for stream in slow)
    assert upstream.accepted == 2 and not [call for call in upstream.calls() if call.broken]


def test_a_client_that_does_not_read_holds_up_only_itself(site):
    site.upstream.answers["/free/big"] = HTTP2Answer(size=20 << 20)
    site.upstream.answers["/free/other"] = HTTP2Answer(size=1 << 20)
    before = site.process.resident_bytes()
    with Client(site.process.address(), window=0) as stuck, Client(site.process.address()) as other:
        for _ in range(20):
            stuck.request("/free/big")
        assert other.fetch("/free/x").status == 200
        assert len(other.fetch("/free/other").body) == 1 << 20
        assert site.process.resident_bytes() - before < 60 << 20


def test_a_server_that_does_not_read_holds_a_body_back(make_site):
    upstream = HTTP2Upstream()
    upstream.stalls = True
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url))
    before = site.process.resident_bytes()
    with Client(site.process.address()) as client, Client(site.process.address()) as other:
        stream = client.request("/free/up", "POST", ends=False)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.send_body(stream, PIECE * 40)
        assert other.fetch("/free/x").status == 200
        assert site.process.resident_bytes() - before < 20 << 20
        client.h2.reset_stream(stream, CANCEL)
        client.socket.settimeout(10)
        client.flush()
        wait_until(lambda: site.upstream.calls("up")[-1].broken == f"reset {CANCEL}", "end of the stream upstream")


def test_a_client_that_leaves_resets_its_stream_and_no_other(site):
    gate = threading.Event()
    site.upstream.answers["/free/slow"] = HTTP2Answer(gate=gate)
    with Client(site.process.address()) as stays:
        kept = stays.request("/free/slow")
        with Client(site.process.address()) as leaves:
            leaves.request("/free/slow")
            site.upstream.wait_for_calls(2, "slow")
        wait_until(lambda: [call for call in site.upstream.calls("slow") if call.broken], "reset upstream")
        gate.set()
        assert stays.answer(kept).status == 200


def test_an_answer_that_comes_early_ends_the_request(site):
    site.upstream.answers["/free/no"] = HTTP2Answer(status=413, body=b"too long", early=True)
    with Client(site.process.address()) as client:
        stream = client.request("/free/no", "POST", ends=False)
        answer = client.answer(stream)
        assert (answer.status, answer.body) == (413, b"too long")
        assert client.fetch("/free/x").status == 200


# Ends.


def test_what_was_refused_unread_is_sent_again(site, payer):
    site.upstream.refusals = 1
    assert site.fetch("POST", "/free/x", {}, b"body").status == 200
    (call,) = site.upstream.calls()
    assert call.body == b"body"
    site.upstream.refusals = 2
    _, answer = site.pay(payer, "/paid/x")
    assert answer.status == 200 and site.states_of(payer) == [("settled", "delivered")]


def test_a_goaway_in_the_middle_loses_nothing(site):
    gate = threading.Event()
    site.upstream.answers["/free/slow"] = HTTP2Answer(gate=gate)
    with Client(site.process.address()) as client:
        slow = client.request("/free/slow")
        site.upstream.wait_for_calls(1, "slow")
        accepted = site.upstream.accepted
        site.upstream.ask(lambda connection: connection.go_away())
        wait_until(lambda: client.fetch("/free/x").status == 200 and site.upstream.accepted > accepted, "a new connection")
        gate.set()
        assert client.answer(slow).status == 200


def test_a_lost_connection_ends_each_request_on_its_own(site, payer):
    payment = payer.pay(site.challenge("/paid/slow"))
    gate = threading.Event()
    site.upstream.answers["/free/slow"] = site.upstream.answers["/paid/slow"] = HTTP2Answer(gate=gate)
    site.upstream.answers["/free/half"] = HTTP2Answer(pieces=(PIECE if turn == 0 else time.sleep(60) for turn in range(2)))
    with Client(site.process.address()) as client:
        free = client.request("/free/slow", "POST")
        fields = [(name.lower(), value) for name, value in payment.v2_fields().items()]
        paid = client.request("/paid/slow", fields=fields)
        site.upstream.wait_for_calls(2, "slow")
        site.upstream.drop_connections()
        assert client.answer(free).status == 502
        answer = client.answer(paid)
        assert answer.status == 502 and answer.first("payment-grant")
        site.upstream.answers.clear()
        assert client.fetch("/free/x").status == 200
    assert site.states_of(payer) == [("settled", "undelivered")]


def test_a_reset_in_the_middle_breaks_off_the_answer(site):
    site.upstream.answers["/free/broken"] = HTTP2Answer(size=1 << 20, break_after=100_000)
    with Client(site.process.address()) as client:
        answer = client.answer(client.request("/free/broken"))
        assert answer.reset is not None and not answer.is_complete
        site.upstream.answers["/free/refused"] = HTTP2Answer(reset=2)
        assert client.fetch("/free/refused", "POST").status == 502


def test_a_late_answer_is_504_and_the_connection_goes_on(make_site):
    upstream = HTTP2Upstream()
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url, first_byte_timeout="500ms"))
    gate = threading.Event()
    upstream.answers["/free/slow"] = HTTP2Answer(gate=gate)
    assert site.fetch("GET", "/free/slow").status == 504
    assert site.fetch("GET", "/free/x").status == 200
    gate.set()
    assert upstream.calls("slow")[0].broken == f"reset {CANCEL}"


def test_a_reload_drains_and_loses_nothing(make_site):
    upstream = HTTP2Upstream()
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url))
    gate = threading.Event()
    upstream.answers["/free/slow"] = HTTP2Answer(gate=gate)
    with Client(site.process.address()) as client:
        slow = client.request("/free/slow")
        upstream.wait_for_calls(1)
        site.change(upstreams=table(upstream.url, http2_max_streams=7))
        assert client.fetch("/free/x").status == 200
        assert upstream.accepted == 2
        gate.set()
        assert client.answer(slow).status == 200
    wait_until(lambda: len(upstream.open) == 1, "end of the old connection")


def test_another_server_gets_what_one_did_not_look_at(make_site):
    one, other = HTTP2Upstream(), HTTP2Upstream()
    one.refusals = 1 << 20
    site = make_site(ROUTES, one, upstreams=[{"name": "api", "servers": [one.url, other.url], "protocol": "h2"}])
    try:
        for _ in range(6):
            assert site.fetch("POST", "/free/x", {}, b"body").status == 200
        assert len(other.calls()) == 6 and all(call.body == b"body" for call in other.calls())
    finally:
        other.stop()


# What is spoken.


def test_auto_takes_what_the_server_chooses(make_site, authority):
    for upstream, version in [(HTTP2Upstream(tls=server_context(authority)), "HTTP/2"), (Upstream(tls=server_context(authority)), "HTTP/1.1")]:
        keys = {"protocol": "auto", "tls": {"ca_file": str(authority.file)}}
        site = make_site(ROUTES, upstream, upstreams=table(upstream.url, **keys))
        with Client(site.process.address()) as client:
            streams = [client.request("/free/x") for _ in range(10)]
            assert all(client.answer(stream).status == 200 for stream in streams)
        assert {call.version for call in upstream.calls()} == {version}
        assert version == "HTTP/1.1" or upstream.accepted == 1


def test_an_upgrade_goes_over_http1_beside_the_others(make_site, authority):
    upstream = HTTP2Upstream(tls=server_context(authority))
    # Each loop has connections of its own.
    site = make_site(
        ROUTES, upstream, env={"FAREBOX_LOOPS": "1"},
        upstreams=table(upstream.url, protocol="auto", tls={"ca_file": str(authority.file)}))
    assert site.fetch("GET", "/free/x").status == 200
    key = base64.b64encode(bytes(16)).decode()
    accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    upstream.answers["/free/socket"] = Answer(raw=(
        f"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").encode())
    with site.connect() as connection:
        connection.send(request("GET", "/free/socket", {
            "Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}))
        assert connection.read_response().status == 101
    assert site.fetch("GET", "/free/x").status == 200
    assert [call.version for call in upstream.calls()] == ["HTTP/2", "HTTP/1.1", "HTTP/2"] and upstream.accepted == 2


def test_a_demand_for_http2_is_kept(make_site, authority):
    upstream = Upstream(tls=server_context(authority))
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url, tls={"ca_file": str(authority.file)}))
    assert site.fetch("GET", "/free/x").status == 502
    assert not upstream.calls()
    plain = Upstream()
    site = make_site(ROUTES, plain, upstreams=table(plain.url))
    assert site.fetch("GET", "/free/x").status == 502
    wait_until(lambda: "upstream: does not speak HTTP/2" in site.process.output(), "the reason in the log")


def test_checks_go_over_http2(make_site):
    upstream = HTTP2Upstream()
    health = {"path": "/health", "interval": "100ms", "timeout": "100ms", "unhealthy": 1, "healthy": 1}
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url, health=health))
    upstream.wait_for_calls(2, "/health")
    upstream.answers["/health"] = HTTP2Answer(status=500)
    wait_until(lambda: site.fetch("GET", "/paid/x").status == 503, "a server found ill")
    upstream.answers["/health"] = HTTP2Answer()
    wait_until(lambda: site.fetch("GET", "/paid/x").status == 402, "a server found well")


# Servers that people run.


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "free").mkdir()
    (folder / "free" / "big").write_bytes(PIECE * 20)
    (folder / "free" / "small").write_bytes(b"small")
    return folder


class Command:
    """A server in the foreground, with what `make_site` asks of an upstream."""

    def __init__(self, *command, listener=None):
        inherited = {"pass_fds": [listener.fileno()], "env": os.environ | {"NGINX": f"{listener.fileno()};"}} if listener else {}
        self.process = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **inherited)
        port = listener.getsockname()[1] if listener else wait_until(self.listening_port, f"listener of {command[0]}")
        self.url = f"https://127.0.0.1:{port}"

    def listening_port(self):
        """The port that the system has chosen for it."""
        mine = {os.readlink(file) for file in Path(f"/proc/{self.process.pid}/fd").iterdir() if file.is_symlink()}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in mine:
                return int(fields[1].split(":")[1], 16)
        return None

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def nghttpd(files, authority):
    if not shutil.which("nghttpd"):
        pytest.skip("nghttpd is not installed")
    pair = authority.issue("nghttpd", ["127.0.0.1"])
    return Command(
        "nghttpd", "-a", "127.0.0.1", "-d", files, "--trailer=x-late: 1", 0, pair["key_file"], pair["cert_file"])


def nginx(files, authority):
    if not NGINX:
        pytest.skip("nginx is not installed")
    pair = authority.issue("nginx", ["127.0.0.1"])
    listener = socket.create_server(("127.0.0.1", 0))
    (files / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; user root; pid {files}/nginx.pid; error_log {files}/error.log;
events {{ }}
http {{
    access_log off; keepalive_requests 10; client_body_temp_path {files}/temp; root {files};
    server {{
        listen 127.0.0.1:{listener.getsockname()[1]} ssl http2;
        ssl_certificate {pair["cert_file"]}; ssl_certificate_key {pair["key_file"]};
    }}
}}
""")
    return Command(NGINX, "-p", files, "-e", files / "error.log", "-c", files / "nginx.conf", listener=listener)


@pytest.mark.parametrize("kind", [nghttpd, nginx])
def test_servers_that_people_run(make_site, files, authority, kind):
    upstream = kind(files, authority)
    site = make_site(ROUTES, upstream, upstreams=table(upstream.url, protocol="auto", tls={"ca_file": str(authority.file)}))
    wait_until(lambda: site.fetch("GET", "/free/small").status == 200, f"{kind.__name__}")
    with Client(site.process.address()) as client:
        # nginx ends a connection after ten requests, with a GOAWAY.
        streams = [client.request("/free/small") for _ in range(40)]
        answers = [client.answer(stream) for stream in streams]
        assert {(answer.status, answer.body) for answer in answers} == {(200, b"small")}
        assert client.fetch("/free/big").body == PIECE * 20
        assert client.fetch("/free/none").status == 404
        assert client.fetch("/free/small", "HEAD").body == b""
