"""Event streams and long polls: every piece goes on as it comes, and silence has its limit."""

import threading
import time

import pytest
from kit.routes import route
from kit.upstream import Answer
from kit.wire import BrokenAnswer, request

ROUTES = [route("/paid/*", "$0.001"), route("/after/*", "$0.001", settle="after"), route("/free/*", "free")]
EVENTS = (("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no"), ("Cache-Control", "no-cache"))
IDLE = 0.5


@pytest.fixture(scope="module")
def site(module_site):
    api = {"name": "api", "first_byte_timeout": "600ms", "idle_timeout": f"{int(IDLE * 1000)}ms"}
    first = module_site(ROUTES, start=False)
    return module_site(ROUTES, upstream=first.upstream, upstreams=[api | {"url": first.upstream.url}])


@pytest.fixture
def upstream(site):
    site.upstream.reset()
    return site.upstream


def open_stream(site, connection, target, payer):
    fields = payer.pay(site.challenge(target)).v2_fields() if target.startswith(("/paid", "/after")) else {}
    connection.send(request("GET", target, fields))
    return connection.read_head()


@pytest.mark.parametrize("target", ["/free/e", "/paid/e", "/after/e"])
def test_an_event_is_out_before_the_next_is_made(site, upstream, payer, target):
    """Under `after` the receipt comes with the head: the settlement does not wait for the end of the stream."""
    gates = [threading.Event() for _ in range(4)]

    def events():
        for number, gate in enumerate(gates):
            assert gate.wait(10)
            yield f"id: {number}\ndata: x\n\n".encode()

    upstream.answers[target] = Answer(fields=EVENTS, pieces=events())
    with site.connect() as connection:
        gates[0].set()
        head = open_stream(site, connection, target, payer)
        assert head.status == 200 and head.first("content-type") == "text/event-stream"
        assert head.first("x-accel-buffering") == "no" and "no-cache" in head.first("cache-control")
        assert (head.first("payment-response") is not None) == (target != "/free/e")
        parts = connection.body_parts(head)
        for number, gate in enumerate(gates):
            gate.set()
            assert next(parts) == f"id: {number}\ndata: x\n\n".encode()
        assert list(parts) == []


def test_a_stream_may_last_longer_than_any_silence_in_it(site, upstream, payer):
    """The time between two events rolls."""
    pause, over = threading.Event(), []

    def events():
        started = time.monotonic()
        while time.monotonic() - started < 3 * IDLE:
            pause.wait(IDLE / 4)
            yield b": keep\n\n"
        over.append(True)

    upstream.answers["/paid/e"] = Answer(fields=EVENTS, pieces=events())
    with site.connect() as connection:
        head = open_stream(site, connection, "/paid/e", payer)
        assert len(b"".join(connection.body_parts(head))) > 0 and over
    assert site.states_of(payer) == [("settled", "delivered")]


def test_a_stream_that_falls_silent_breaks_off(site, upstream, payer):
    gate = threading.Event()

    def events():
        yield b"data: 1\n\n"
        gate.wait(20)

    upstream.answers["/paid/e"] = Answer(fields=EVENTS, pieces=events())
    with site.connect() as connection:
        head = open_stream(site, connection, "/paid/e", payer)
        parts = connection.body_parts(head)
        assert next(parts) == b"data: 1\n\n"
        with pytest.raises(BrokenAnswer):
            next(parts)
    gate.set()
    assert site.states_of(payer) == [("settled", "undelivered")]


def test_a_long_poll_beyond_the_first_byte_is_504_and_not_lost(site, upstream, payer):
    gate = threading.Event()
    upstream.answers["/paid/poll"] = lambda _: Answer(gate=gate)
    payment, answer = site.pay(payer, "/paid/poll")
    assert answer.status == 504 and answer.first("payment-grant")
    gate.set()
    assert site.states_of(payer) == [("settled", "undelivered")]
    upstream.answers.clear()
    again = site.fetch("GET", "/paid/poll", payment.v2_fields() | {"Payment-Grant": answer.first("payment-grant")})
    assert again.status == 200


def test_many_small_events_and_a_reader_that_stops(site, upstream, payer):
    """A thousand events are written while nobody reads; all of them arrive in order."""
    upstream.answers["/free/e"] = Answer(fields=EVENTS, pieces=(b"data: %d\n\n" % n for n in range(1000)))
    with site.connect() as connection:
        head = open_stream(site, connection, "/free/e", payer)
        whole = b"".join(connection.body_parts(head))
    assert whole == b"".join(b"data: %d\n\n" % n for n in range(1000))
