"""Bodies stream both ways, at any size, with the memory of the program flat."""

import hashlib
import threading
import time

import pytest
from kit.payments import Challenge
from kit.polling import stays_false
from kit.routes import route
from kit.upstream import PIECE, Answer
from kit.wire import Connection, request

GIGABYTE = 1 << 30
MEGABYTE = 1 << 20
ROUTES = [route("/paid/*", "$0.001"), route("/free/*", "free")]


class MemoryWatch:
    """Samples the resident size of a process while something runs."""

    def __init__(self, process):
        self.process = process

    def __enter__(self):
        self.start = self.peak = self.process.resident_bytes()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()
        return self

    def _sample(self):
        while not self.over.wait(0.02):
            self.peak = max(self.peak, self.process.resident_bytes())

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    @property
    def growth(self):
        return self.peak - self.start


def report(what, watch, seconds):
    rate = GIGABYTE / MEGABYTE / seconds
    print(f"{what}: {watch.start / MEGABYTE:.1f} MB resident before, {watch.peak / MEGABYTE:.1f} MB at most, {rate:.0f} MB/s")


@pytest.mark.large
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_gigabyte_down(make_site, payer, chunked, capsys):
    site = make_site(ROUTES)
    site.upstream.answers["/paid/big"] = (
        Answer(pieces=(PIECE for _ in range(GIGABYTE // len(PIECE)))) if chunked else Answer(size=GIGABYTE))
    payment = payer.pay(site.challenge("/paid/big"))
    started, length = time.monotonic(), 0
    with MemoryWatch(site.process) as watch, site.connect(timeout=60) as connection:
        connection.send(request("GET", "/paid/big", payment.v2_fields()))
        head = connection.read_head()
        assert head.status == 200
        for piece in connection.body_parts(head):
            length += len(piece)
    assert length == GIGABYTE
    with capsys.disabled():
        report(f"\n1 GB down ({'chunked' if chunked else 'length'})", watch, time.monotonic() - started)
    assert watch.growth < 24 * MEGABYTE


@pytest.mark.large
def test_a_gigabyte_up(make_site, payer, capsys):
    site = make_site(ROUTES)
    payment = payer.pay(site.challenge("/paid/up", "PUT"))
    fields = payment.v2_fields() | {"Content-Length": str(GIGABYTE)}
    digest, started = hashlib.sha256(), time.monotonic()
    with MemoryWatch(site.process) as watch, site.connect(timeout=60) as connection:
        connection.send(request("PUT", "/paid/up", fields))
        for _ in range(GIGABYTE // len(PIECE)):
            connection.send(PIECE)
            digest.update(PIECE)
        assert connection.read_response("PUT").status == 200
    with capsys.disabled():
        report("\n1 GB up", watch, time.monotonic() - started)
    (call,) = site.upstream.calls()
    assert call.length == GIGABYTE and call.digest == digest.hexdigest()
    assert watch.growth < 24 * MEGABYTE


def test_a_slow_reader_holds_the_upstream_back(make_site):
    """Back-pressure: what the client does not read, the program does not take in."""
    site = make_site(ROUTES)
    site.upstream.answers["/free/big"] = Answer(size=200 * MEGABYTE)
    with MemoryWatch(site.process) as watch, Connection(site.process.address(), receive_buffer=65536) as connection:
        connection.send(request("GET", "/free/big"))
        connection.take(1000)
        site.upstream.wait_for_calls(1)
        assert stays_false(lambda: watch.growth >= 24 * MEGABYTE, seconds=1.0)
    assert watch.growth < 24 * MEGABYTE


def test_pieces_arrive_as_the_upstream_sends_them(make_site, payer):
    """An event stream: each piece is out before the next one is made."""
    site = make_site(ROUTES)
    gates = [threading.Event() for _ in range(5)]

    def events():
        for number, gate in enumerate(gates):
            assert gate.wait(10)
            yield f"data: {number}\n\n".encode()

    site.upstream.answers["/paid/events"] = Answer(fields=(("Content-Type", "text/event-stream"),), pieces=events())
    payment = payer.pay(site.challenge("/paid/events"))
    with site.connect() as connection:
        connection.send(request("GET", "/paid/events", payment.v2_fields()))
        head = connection.read_head()
        parts = connection.body_parts(head)
        for number, gate in enumerate(gates):
            gate.set()
            assert next(parts) == f"data: {number}\n\n".encode()
        assert list(parts) == []


def test_a_chunked_upload_with_trailers(make_site, payer):
    site = make_site(ROUTES)
    payment = payer.pay(site.challenge("/paid/up", "POST"))
    fields = payment.v2_fields() | {"Transfer-Encoding": "chunked", "Trailer": "X-Digest"}
    body = b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Digest: abc\r\nContent-Length: 3\r\nX-Farebox-Payer: me\r\n\r\n"
    with site.connect() as connection:
        connection.send(request("POST", "/paid/up", fields) + body)
        assert connection.read_response("POST").status == 200
    (call,) = site.upstream.calls()
    assert call.body == b"hello world"
    assert not [name for name, _ in call.fields if name.lower() in ("trailer content-length", "trailer x-farebox-payer")]


def test_a_body_waits_for_the_payment(make_site, payer):
    """`Expect: 100-continue`: an unpaid upload is told the price before it is sent, a paid one is asked for its body."""
    site = make_site(ROUTES)
    expect = {"Expect": "100-continue", "Content-Length": "11"}
    with site.connect() as connection:
        connection.send(request("POST", "/paid/up", expect))
        informational = []
        assert connection.read_response("POST", informational).status == 402
        assert not informational
    assert not site.upstream.calls()
    payment = payer.pay(site.challenge("/paid/up", "POST"))
    with site.connect() as connection:
        connection.send(request("POST", "/paid/up", expect | payment.v2_fields()))
        assert connection.read_head().status == 100
        connection.send(b"hello world")
        assert connection.read_response("POST").status == 200
    assert site.upstream.calls()[0].body == b"hello world"


def test_an_unpaid_upload_never_reaches_the_upstream(make_site):
    site = make_site(ROUTES)
    with site.connect() as connection:
        connection.send(request("POST", "/paid/up", {"Content-Length": str(10 * MEGABYTE)}))
        assert connection.read_response("POST").status == 402
        try:
            for _ in range(40):
                connection.send(PIECE)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert not site.upstream.calls()


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(make_site, payer, status):
    site = make_site(ROUTES)
    site.upstream.answers["/free/none"] = Answer(status=status)
    with site.connect() as connection:
        for _ in range(2):
            connection.send(request("GET", "/free/none"))
            answer = connection.read_response()
            assert answer.status == status and answer.body == b"" and not answer.all("transfer-encoding")


def test_http_1_0_gets_an_answer_that_ends_with_the_connection(make_site):
    site = make_site(ROUTES)
    site.upstream.answers["/free/chunked"] = Answer(pieces=[b"a", b"b"])
    with site.connect() as connection:
        connection.send(request("GET", "/free/chunked", version="HTTP/1.0"))
        answer = connection.read_response()
        assert answer.status == 200 and answer.body == b"ab" and not answer.all("transfer-encoding")
        assert connection.is_closed_by_peer()


def test_a_client_that_closed_its_side_still_gets_the_answer(make_site, payer):
    site = make_site(ROUTES)
    payment = payer.pay(site.challenge("/paid/half"))
    with site.connect() as connection:
        connection.send(request("GET", "/paid/half", payment.v2_fields()))
        connection.half_close()
        assert connection.read_response().status == 200


def test_many_requests_on_one_connection(make_site, make_payer):
    site = make_site(ROUTES)
    payer = make_payer()
    with site.connect() as connection:
        for number in range(20):
            target = f"/paid/{number}"
            connection.send(request("GET", target))
            payment = payer.pay(Challenge(connection.read_response()))
            connection.send(request("GET", target, payment.v2_fields()))
            assert connection.read_response().json()["served"] == target
    assert len(site.upstream.calls()) == 20
