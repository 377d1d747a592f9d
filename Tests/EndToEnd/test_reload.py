"""A new file in a running process: addresses, limits, logs, and whatever runs meanwhile."""

import socket
import threading

from kit.callers import Callers
from kit.payments import receipt_of
from kit.polling import wait_until
from kit.routes import route, toml
from kit.upstream import Answer
from kit.wire import Connection, fetch, request

ROUTES = [route("GET /free", "free"), route("GET /paid", "$0.001")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_refused(address):
    try:
        Connection(address, timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True


class Stream:
    """An answer that goes on until the test ends it."""

    def __init__(self, site, address, target="/free"):
        self.more, self.over = threading.Semaphore(0), threading.Event()
        site.upstream.answers[target] = Answer(pieces=self._pieces())
        self.connection = Connection(address, timeout=60)
        self.connection.send(request("GET", target))
        self.more.release()
        self.head = self.connection.read_head()
        self.parts = self.connection.body_parts(self.head)
        self.received = next(self.parts)

    def _pieces(self):
        while True:
            self.more.acquire()
            if self.over.is_set():
                return
            yield b"x" * 1000

    def next(self):
        self.more.release()
        self.received += next(self.parts)

    def end(self):
        self.over.set()
        self.more.release()
        self.received += b"".join(self.parts)
        return self.received


def test_the_paywall_moves_to_another_address_and_a_stream_at_the_old_one_ends_whole(make_site):
    site = make_site(ROUTES)
    old = site.process.address()
    stream = Stream(site, old)
    event = site.change(server={"listen": [f"127.0.0.1:{free_port()}"]})
    assert event["message"] == "reloaded", event
    new = site.process.address(count=2)
    assert new != old
    site.upstream.answers.clear()
    assert fetch(new, "GET", "/free").status == 200
    wait_until(lambda: is_refused(old), "end of the old address")
    stream.next()
    assert stream.end() == b"x" * 2000, "whole"
    assert stream.connection.is_closed_by_peer(), "the old address keeps no connections"
    assert fetch(new, "GET", "/paid").status == 402


def test_an_address_that_cannot_be_had_refuses_the_whole_file(make_site):
    site = make_site(ROUTES)
    address = site.process.address()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        event = site.change(
            server={"listen": [f"127.0.0.1:{address[1]}", f"127.0.0.1:{port}"]},
            routes=[route("GET /paid", "$0.005"), route("GET /free", "free")])
        assert event["level"] == "error" and str(port) in event["reason"], event
    assert site.challenge("/paid").offers[0]["amount"] == "1000", "not a bit of the file is in force"
    assert fetch(address, "GET", "/free").status == 200


def test_a_wider_address_with_the_same_port_takes_over(make_site):
    site = make_site(ROUTES)
    _, port = site.process.address()
    assert site.change(server={"listen": f"0.0.0.0:{port}"})["message"] == "reloaded"
    assert fetch(("127.0.0.1", port), "GET", "/free", timeout=20).status == 200


def test_limits_and_the_access_log_follow_the_file(make_site):
    site = make_site(ROUTES)
    address = site.process.address()
    with Connection(address) as old:
        old.send(request("GET", "/free"))
        assert old.read_response().status == 200
        site.change(server={"max_target_bytes": "100B", "access_log": False})
        long = "/free?" + "x" * 200
        assert site.fetch("GET", long).status == 414, "new connections are under the new limits"
        old.send(request("GET", long))
        assert old.read_response().status == 200, "an open one keeps its own"
    wait_until(lambda: site.process.events("request"), "line of the request")
    before = len(site.process.events("request"))
    assert site.fetch("GET", "/free").status == 200
    site.change(server={"access_log": True, "max_connections": 1})
    assert site.fetch("GET", "/free").status == 200
    wait_until(lambda: len(site.process.events("request")) > before, "lines again")
    assert len([e for e in site.process.events("request") if e["status"] == 200]) <= 3, "no lines while there were none"
    with Connection(address) as first:
        first.send(request("GET", "/free"))
        first.read_response()
        assert site.fetch("GET", "/free").status == 503, "one connection is all"


def test_the_facilitator_comes_moves_and_goes(make_site):
    site = make_site(ROUTES)
    site.change(facilitator={"listen": "127.0.0.1:0"})
    first = site.process.address("facilitator")
    assert fetch(first, "GET", "/health").status == 200
    site.change(facilitator={"listen": f"127.0.0.1:{free_port()}"})
    second = site.process.address("facilitator", count=2)
    assert fetch(second, "GET", "/health").status == 200
    wait_until(lambda: is_refused(first), "end of the first address")
    site.change(facilitator=None)
    wait_until(lambda: is_refused(second), "end of the second address")
    site.change(facilitator={"listen": "127.0.0.1:0"})
    assert fetch(site.process.address("facilitator", count=3), "GET", "/supported").status == 200
    assert site.stop() == 0


def test_what_a_running_process_cannot_take_over_is_named(make_site):
    site = make_site(ROUTES)
    assert site.change(ledger={"url": "sqlite:elsewhere.db"})["message"] == "reloaded"
    assert site.process.wait_for_event("change needs a restart")["key"] == "ledger.url"


def test_a_stream_of_the_first_file_ends_whole_under_the_twentieth(make_site, payer):
    site = make_site([*ROUTES, route("GET /other", "free")])
    address = site.process.address()
    stream = Stream(site, address)
    paid, gate = payer.pay(site.challenge("/paid")), threading.Event()
    site.upstream.answers["/paid"] = Answer(gate=gate)
    with Connection(address) as buyer, Callers(address, "/other", threads=4) as callers:
        buyer.send(request("GET", "/paid", paid.v2_fields()))
        site.upstream.wait_for_calls(1, "/paid")
        sizes = []
        for generation in range(1, 21):
            event = site.change(routes=[
                route("GET /free", "free"), route("GET /other", "free"), route("GET /paid", f"$0.{generation:03}")])
            assert event["message"] == "reloaded", event
            callers.wait_for_more(5)
            stream.next()
            sizes.append(site.process.resident_bytes())
        assert callers.stop() == [], "no call fails"
        gate.set()
        answer = buyer.read_response()
    assert answer.status == 200 and receipt_of(answer)["success"] is True
    assert stream.end() == b"x" * 21_000
    assert sizes[-1] - sizes[4] < 8 * 1024 * 1024, f"memory is flat: {sizes}"


def test_an_address_that_stays_loses_no_connection_in_a_storm_of_reloads(make_site):
    site = make_site(ROUTES, env={"FAREBOX_LOOPS": "2"})
    address = site.process.address()
    extra = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"]
    with Callers(address) as callers:
        for index in range(8):
            event = site.change(server={"listen": ["127.0.0.1:0", extra[index % 2]]})
            assert event["message"] == "reloaded", event
            callers.wait_for_more(20)
        assert callers.stop() == []


def test_an_address_that_goes_resets_nobody(make_site):
    site = make_site(ROUTES, server={"listen": ["127.0.0.1:0", "127.0.0.1:0"]}, env={"FAREBOX_LOOPS": "2"})
    going = site.process.address(count=2)
    with Callers(going, threads=16) as callers:
        callers.wait_for_more(100)
        assert site.change(server={"listen": "127.0.0.1:0"})["message"] == "reloaded"
        wait_until(lambda: callers.faults, "end of the address")
        faults = callers.stop()
    assert all("refused" in fault for fault in faults), set(faults)


def test_the_time_to_drain_and_the_delay_before_it_follow_the_file(make_site):
    site = make_site(ROUTES)
    address = site.process.address()
    site.upstream.answers["/free"] = Answer(gate=threading.Event())
    site.change(server={"drain_timeout": "200ms", "drain_delay": "60s"})
    with Connection(address) as running:
        running.send(request("GET", "/free"))
        site.upstream.wait_for_calls(1)
        site.process.process.terminate()
        site.process.wait_for_event("going to drain")
        assert fetch(address, "GET", "/paid").status == 402, "still taken"
        # A second signal does not wait for the delay, nor for what runs.
        site.process.process.terminate()
        assert site.process.process.wait(15) == 0


def test_a_second_signal_ends_what_drains_at_once(make_site):
    site = make_site(ROUTES, server={"drain_timeout": "10m"})
    site.upstream.answers["/free"] = Answer(gate=threading.Event())
    with site.connect() as running:
        running.send(request("GET", "/free"))
        site.upstream.wait_for_calls(1)
        site.process.process.terminate()
        site.process.wait_for_event("draining")
        site.process.process.terminate()
        assert site.process.process.wait(15) == 0
        assert running.is_closed_by_peer()
    assert site.rows() == []


def test_a_reload_in_the_middle_of_a_reload_loses_neither(make_site):
    site = make_site(ROUTES)
    for price in range(1, 31):
        site.config["routes"][1]["price"] = f"$0.{price:03}"
        site.file.write_text(toml(site.config))
        site.reload()
    wait_until(lambda: site.challenge("/paid").offers[0]["amount"] == "30000", "price of the last file")
