"""SIGUSR2: another program goes on in the same process, with the same sockets, and nobody is refused meanwhile."""

import signal
import threading

from kit.callers import Callers
from kit.manager import NoticeSocket, listening
from kit.payments import receipt_of
from kit.polling import stays_false, wait_until
from kit.routes import route, toml
from kit.upstream import Answer
from kit.wire import Connection, fetch, request

ROUTES = [route("GET /free", "free"), route("GET /paid", "$0.001")]


def replace(site, count):
    """Asks for it and returns when the program has been started for the `count`th time."""
    site.process.send_signal(signal.SIGUSR2)
    site.process.wait_for_event("ready", count=count, timeout=30)


def test_no_connection_is_refused_and_what_runs_ends(make_site, payer):
    site = make_site(ROUTES, env={"FAREBOX_LOOPS": "2"})
    address, pid = site.process.address(), site.process.pid
    bought, answer = site.pay(payer, "/paid")
    assert answer.status == 200
    gate = threading.Event()
    site.upstream.answers["/paid"] = Answer(gate=gate)
    running_payment = payer.pay(site.challenge("/paid"))
    with Callers(address) as callers, Connection(address, timeout=40) as running:
        running.send(request("GET", "/paid", running_payment.v2_fields()))
        site.upstream.wait_for_calls(2, "/paid")
        callers.wait_for_more(20)
        site.process.send_signal(signal.SIGUSR2)
        site.process.wait_for_event("draining")
        gate.set()
        answer = running.read_response()
        assert answer.status == 200 and receipt_of(answer)["success"] is True
        assert answer.first("connection") == "close"
        site.process.wait_for_event("ready", count=2, timeout=30)
        callers.wait_for_more(20)
        replace(site, 3)
        callers.wait_for_more(20)
        assert callers.stop() == []
    assert site.process.pid == pid and site.process.process.poll() is None
    assert site.process.address(count=3) == address
    # The books go on where they were.
    assert site.fetch("GET", "/paid", bought.v2_fields()).status == 402
    assert sorted(site.states_of(payer)) == [("settled", "delivered")] * 2
    assert site.stop() == 0


def test_descriptors_do_not_add_up(make_site):
    site = make_site(ROUTES)
    wait_until(lambda: site.process.events("ready"), "start")
    before = site.process.descriptors()
    for count in range(2, 6):
        replace(site, count)
        assert site.fetch("GET", "/free").status == 200
    assert site.process.descriptors() <= before + 3


def test_a_file_with_mistakes_replaces_nothing(make_site):
    site = make_site(ROUTES)
    site.file.write_text(toml(site.config).replace("pay_to", "pay_too"))
    site.process.send_signal(signal.SIGUSR2)
    event = site.process.wait_for_event("not replaced")
    assert "check" in event["reason"], event
    assert site.fetch("GET", "/free").status == 200
    site.file.write_text(toml(site.config))
    replace(site, 2)
    assert site.fetch("GET", "/free").status == 200


def test_the_next_program_takes_the_file_as_it_is_then(make_site):
    site = make_site(ROUTES, server={"listen": ["127.0.0.1:0", "127.0.0.1:0"]})
    first, second = site.process.address(), site.process.address(count=2)
    site.config["server"]["listen"] = "127.0.0.1:0"
    site.config["ledger"]["url"] = "memory:"
    site.file.write_text(toml(site.config))
    replace(site, 2)
    assert site.process.address(count=3) == first
    assert fetch(first, "GET", "/free").status == 200
    assert site.process.wait_for_event("no longer listening")
    try:
        Connection(second, timeout=5).close()
        raise AssertionError("an address that the file does not have any more is served by nobody")
    except ConnectionRefusedError:
        pass


def test_whoever_is_asked_to_stop_meanwhile_stops(make_site):
    site = make_site(ROUTES)
    gate = threading.Event()
    site.upstream.answers["/free"] = Answer(gate=gate)
    with site.connect() as running:
        running.send(request("GET", "/free"))
        site.upstream.wait_for_calls(1)
        site.process.send_signal(signal.SIGUSR2)
        site.process.wait_for_event("draining")
        site.process.send_signal(signal.SIGTERM)
        site.process.wait_for_event("stopping for good")
        assert stays_false(lambda: site.process.process.poll() is not None, 0.2), "what runs may end"
        gate.set()
        assert running.read_response().status == 200
    assert site.process.process.wait(15) == 0
    assert len(site.process.events("ready")) == 1


def test_passed_sockets_and_the_manager_are_kept(make_site, tmp_path):
    notices = NoticeSocket(tmp_path)
    with listening() as web:
        site = make_site(ROUTES, start=False, server={"listen": ["fd:web", "127.0.0.1:0"]})
        site.sockets = {"web": web}
        site.start(env=notices.environment)
        notices.wait_for("READY")
        with Callers(web.getsockname()) as callers:
            callers.wait_for_more(20)
            replace(site, 2)
            notices.wait_for("READY", count=2)
            callers.wait_for_more(20)
            assert callers.stop() == []
        told = [name for notice in notices.notices for name in ("RELOADING", "READY") if name in notice]
        assert told == ["READY", "RELOADING", "READY"]
        assert site.stop() == 0
    notices.close()
