"""HTTP/2 downstream: the clients that people use, and the sequences that they should not send."""

import asyncio
import hashlib
import json
import re
import shutil
import signal
import subprocess
import threading

import httpx
import pytest
from hyperframe.frame import ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame
from kit import official
from kit.http2 import Client
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import PIECE, Answer
from kit.wire import request

ROUTES = [
    route("/free/*", "free"), route("/cheap/*", "$0.001"), route("/after/*", "$0.001", settle="after"),
]
ENHANCE_YOUR_CALM = 11
NO_ERROR = 0
CANCEL = 8


@pytest.fixture(scope="module")
def one_site(module_site):
    return module_site(ROUTES, server={"http2_max_resets": 50, "http2_max_control_frames": 500})


@pytest.fixture
def site(one_site):
    one_site.upstream.reset()
    yield one_site
    assert one_site.process.process.poll() is None, one_site.process.output()[-4000:]


@pytest.fixture
def client(site):
    with Client(site.process.address()) as client:
        yield client


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def tool(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    return name


# Clients.


def test_curl(site):
    free = run("curl", "-sS", "--http2-prior-knowledge", "-w", "\n%{http_version} %{http_code}", site.process.url() + "/free/x")
    assert free.stdout.endswith("\n2 200"), free
    assert json.loads(free.stdout.rsplit("\n", 1)[0])["served"] == "/free/x"
    unpaid = run(
        "curl", "-sS", "--http2-prior-knowledge", "-D", "-", "-o", "/dev/null", "-d", "a=1", site.process.url() + "/cheap/x")
    assert unpaid.returncode == 0, unpaid
    assert unpaid.stdout.startswith("HTTP/2 402") and "payment-required: " in unpaid.stdout, unpaid


def test_curl_up_and_down(site, tmp_path):
    body = PIECE * 20
    site.upstream.answers["/free/big"] = Answer(body=body)
    (tmp_path / "up").write_bytes(body)
    result = run(
        "curl", "-sS", "--http2-prior-knowledge", "-T", str(tmp_path / "up"), "-o", str(tmp_path / "down"),
        site.process.url() + "/free/big")
    assert result.returncode == 0, result
    assert (tmp_path / "down").read_bytes() == body
    assert site.upstream.calls()[-1].digest == hashlib.sha256(body).hexdigest()


def test_nghttp(site):
    result = run(tool("nghttp"), "-v", "-H", "x-one: 1", site.process.url() + "/free/a", site.process.url() + "/cheap/b")
    assert result.returncode == 0 and ":status: 200" in result.stdout and ":status: 402" in result.stdout, result
    assert site.upstream.calls()[-1].first("x-one") == "1"


@pytest.mark.parametrize("path, kind", [("/cheap/x", "4xx"), ("/free/x", "2xx")])
def test_h2load(site, path, kind):
    count = 3000 if kind == "4xx" else 600
    result = run(tool("h2load"), "-n", str(count), "-c", "4", "-m", "20", site.process.url() + path)
    assert f"{count} done" in result.stdout and " 0 errored" in result.stdout, result
    statuses = dict(reversed(pair.split()) for pair in re.search(r"status codes: (.*)", result.stdout)[1].split(", "))
    assert int(statuses[kind]) == count, result.stdout


def test_the_official_client_pays(site, payer):
    async def pay():
        from x402 import x402Client
        from x402.http.clients.httpx import x402AsyncTransport
        from x402.mechanisms.evm.exact.register import register_exact_evm_client

        inner = httpx.AsyncHTTPTransport(http1=False, http2=True)
        transport = x402AsyncTransport(register_exact_evm_client(x402Client(), payer.account), inner)
        async with httpx.AsyncClient(transport=transport, timeout=15) as session:
            return [await session.get(site.process.url() + "/cheap/one"), await session.post(
                site.process.url() + "/after/two", content=b"question")]

    answers = asyncio.run(pay())
    assert [(answer.status_code, answer.http_version) for answer in answers] == [(200, "HTTP/2")] * 2
    assert all(official.receipt(answer)["success"] is True for answer in answers)
    assert site.states_of(payer) == [("settled", "delivered")] * 2


# Messages.


def test_a_request_is_forwarded_as_any_other(site, client):
    answer = client.fetch("/free/x", "POST", [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("te", "trailers")], b"body")
    assert answer.status == 200 and answer.first("date") and not answer.first("connection")
    call = site.upstream.calls()[-1]
    assert (call.method, call.target, call.body) == ("POST", "/free/x", b"body")
    assert call.first("host") == "api.example.com" and call.first("cookie") == "a=1; b=2"
    assert call.first("x-forwarded-proto") == "http" and not call.first("te")


def test_trailers_go_both_ways(site, client):
    site.upstream.answers["/free/t"] = Answer(body=b"x", chunked=True, trailers=[("Grpc-Status", "0")])
    stream = client.request("/free/t", "POST", ends=False)
    client.h2.send_data(stream, b"abc")
    client.h2.send_headers(stream, [("x-sum", "1"), ("payment-signature", "x")], end_stream=True)
    client.flush()
    answer = client.answer(stream)
    assert (answer.status, answer.body, answer.trailers) == (200, b"x", [(b"grpc-status", b"0")])
    call = site.upstream.calls()[-1]
    assert call.body == b"abc" and ("trailer x-sum", "1") in call.fields and not call.first("trailer payment-signature")


def test_many_at_once_do_not_wait_for_each_other(site, client):
    gate = threading.Event()
    site.upstream.answers["/free/slow"] = Answer(gate=gate)
    slow = [client.request("/free/slow") for _ in range(20)]
    assert client.fetch("/free/fast").status == 200
    gate.set()
    assert all(client.answer(stream).status == 200 for stream in slow)


def test_a_client_that_does_not_read_holds_up_only_itself(site):
    site.upstream.answers["/free/big"] = Answer(size=20 << 20)
    site.upstream.answers["/free/other"] = Answer(size=1 << 20)
    before = site.process.resident_bytes()
    with Client(site.process.address(), window=0) as stuck, Client(site.process.address()) as other:
        for _ in range(20):
            stuck.request("/free/big")
        assert other.fetch("/free/x").status == 200
        assert len(other.fetch("/free/other").body) == 1 << 20
        assert site.process.resident_bytes() - before < 40 << 20


def test_a_malformed_request_leaves_the_others_alone(site, client):
    good = client.request("/free/x", flush=False)
    bad = client.request("/free/x", fields=[("X-Capital", "1")], flush=False)
    conflict = client.request("/free/x", fields=[("host", "other.example.com")], flush=False)
    client.flush()
    assert client.answer(good).status == 200
    assert client.answer(bad).status == 400 and client.answer(conflict).status == 400
    assert client.fetch("/free/y").status == 200


def test_an_answer_that_breaks_off_is_reset(site, client):
    site.upstream.answers["/free/broken"] = Answer(size=100_000, break_after=50_000)
    answer = client.fetch("/free/broken")
    assert answer.reset is not None and not answer.is_complete
    assert client.fetch("/free/y").status == 200


def test_the_log_tells_the_protocol(site, client):
    client.fetch("/free/logged")
    site.fetch("GET", "/free/logged")
    lines = wait_until(
        lambda: (found := [e for e in site.process.events("request") if e.get("path") == "/free/logged"])[1:] and found,
        "two log lines")
    # Each loop writes its own lines, when its turn comes.
    assert sorted(line["protocol"] for line in lines) == ["HTTP/1.1", "HTTP/2"]


def test_http2_can_be_off(make_site):
    site = make_site(ROUTES, server={"http2": False})
    with site.connect() as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert connection.read_response().status == 505


# Sequences that cost us more than the client.


def test_a_rapid_reset_is_cut_off(site, client):
    for _ in range(200):
        client.h2.reset_stream(client.request("/cheap/x", flush=False), CANCEL)
    client.send_raw(client.h2.data_to_send())
    assert client.until_closed() == ENHANCE_YOUR_CALM
    assert site.upstream.calls() == []


def test_a_rapid_reset_does_not_multiply_upstream_work(make_site):
    gate = threading.Event()
    site = make_site(ROUTES, server={"http2_max_resets": 10_000, "http2_max_streams": 10})
    site.upstream.answers["/free/slow"] = Answer(gate=gate)
    with Client(site.process.address()) as client:
        for _ in range(10):
            client.h2.reset_stream(client.request("/free/slow"), CANCEL)
            client.flush()
        assert client.fetch("/free/x").status in (200, None)
    gate.set()


@pytest.mark.parametrize("frame", [
    PingFrame(0, opaque_data=b"12345678"), SettingsFrame(0), RstStreamFrame(1, error_code=CANCEL),
], ids=["ping", "settings", "reset"])
def test_a_flood_of_frames_is_cut_off(client, frame):
    client.fetch("/cheap/x")
    client.socket.settimeout(20)
    for _ in range(100):
        if not client.send_raw(frame.serialize() * 100):
            break
    assert client.until_closed() in (ENHANCE_YOUR_CALM, None)


def test_a_flood_of_continuations_is_cut_off(client):
    head = HeadersFrame(1, data=b"\x82\x86\x84", flags=["END_STREAM"]).serialize()
    more = ContinuationFrame(1, data=b"\x00\x01a\x01b").serialize()
    client.send_raw(head)
    for _ in range(100):
        if not client.send_raw(more * 100):
            break
    assert client.until_closed() in (ENHANCE_YOUR_CALM, None)


# Ends.


def test_sigterm_lets_streams_finish(make_site):
    site = make_site(ROUTES)
    gate = threading.Event()
    site.upstream.answers["/free/slow"] = Answer(gate=gate)
    with Client(site.process.address()) as busy, Client(site.process.address()) as idle:
        assert idle.fetch("/free/x").status == 200
        slow = busy.request("/free/slow")
        site.upstream.wait_for_calls(2)
        site.process.send_signal(signal.SIGTERM)
        assert idle.until_closed() == NO_ERROR
        # The library takes nothing after a GOAWAY, so that the rest is read past it.
        heard = busy.frames_until(lambda frames: sum(kind == GoAwayFrame.type for kind, _, _ in frames) == 2)
        last = [int.from_bytes(payload[:4]) for kind, _, payload in heard if kind == GoAwayFrame.type]
        assert last == [2**31 - 1, slow]
        gate.set()
        rest = busy.frames_until(lambda _: False)
        assert [(kind, flags & 1) for kind, flags, _ in rest] == [(HeadersFrame.type, 0), (DataFrame.type, 1)]
    assert site.process.process.wait(10) == 0


def test_a_preface_behind_a_request_is_refused(site):
    with site.connect() as connection:
        connection.send(request("GET", "/free/x"))
        assert connection.read_response().status == 200
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert connection.read_response().status == 505
