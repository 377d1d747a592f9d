"""Under a service manager: passed sockets and notices, as sd_listen_fds(3) and sd_notify(3) have them."""

import socket
import threading

import pytest
from kit import farebox as program
from kit.callers import Callers
from kit.manager import NoticeSocket, listening, passing
from kit.polling import wait_until
from kit.routes import route, toml
from kit.upstream import Answer
from kit.wire import Connection, fetch, request

ROUTES = [route("GET /free", "free"), route("GET /paid", "$0.001")]


@pytest.fixture
def notices(tmp_path):
    notices = NoticeSocket(tmp_path)
    yield notices
    notices.close()


@pytest.fixture
def web():
    with listening() as listener:
        yield listener


def passed_site(make_site, sockets, env=None, **tables):
    site = make_site(ROUTES, start=False, **tables)
    site.sockets = sockets
    return site.start(env=env)


def test_whoever_connected_before_the_program_ran_is_answered(make_site, web, notices):
    with Connection(web.getsockname()) as early:
        early.send(request("GET", "/free"))
        site = passed_site(make_site, {"web": web}, notices.environment, server={"listen": "fd:web"})
        assert early.read_response().status == 200
    assert site.process.address() == web.getsockname()
    assert notices.wait_for("READY")["STATUS"] == "2 routes"
    for _ in range(20):
        assert site.fetch("GET", "/paid").status == 402


def test_sockets_are_told_apart_by_name_and_number(make_site, web):
    with listening() as api, listening() as third:
        site = passed_site(
            make_site, {"web": web, "api": api, "third": third}, server={"listen": ["fd:web", "fd:5"]},
            facilitator={"listen": "fd:api", "open": True})
        assert fetch(web.getsockname(), "GET", "/free").status == 200
        assert fetch(third.getsockname(), "GET", "/free").status == 200
        assert fetch(api.getsockname(), "GET", "/health").status == 200
        # A reload leaves and takes passed sockets like any other address.
        site.change(server={"listen": ["fd:web", "127.0.0.1:0"]})
        site.change(server={"listen": ["fd:third", "127.0.0.1:0"]})
        assert fetch(third.getsockname(), "GET", "/free").status == 200


def test_a_name_that_was_not_passed_ends_the_start_and_says_so(make_site, web):
    site = make_site(ROUTES, start=False, server={"listen": "fd:wbe"})
    result = program.run("serve", "--config", site.file)
    assert result.returncode == 1 and "fd:wbe" in result.stderr and "LISTEN_FDS" in result.stderr, result.stderr
    # What was meant for another process is none of ours.
    result = program.run("serve", "--config", site.file, env={"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "wbe"})
    assert result.returncode == 1 and "fd:wbe" in result.stderr


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_socket_that_takes_no_connections_is_refused(make_site, kind):
    site = make_site(ROUTES, start=False, server={"listen": "fd:web"})
    with socket.socket(socket.AF_INET, kind) as wrong:
        wrong.bind(("127.0.0.1", 0))
        process = program.Farebox("serve", "--config", site.file, sockets={"web": wrong})
        assert process.process.wait(15) == 1
        wait_until(lambda: "descriptor 3" in process.output(), "word about the socket")


def test_a_restart_by_the_manager_refuses_no_connection(make_site, web, payer):
    site = passed_site(make_site, {"web": web}, server={"listen": "fd:web"})
    with Callers(web.getsockname()) as callers:
        for _ in range(3):
            callers.wait_for_more(20)
            assert site.stop() == 0
            site.start()
        callers.wait_for_more(20)
        assert callers.stop() == []
    _, answer = site.pay(payer, "/paid")
    assert answer.status == 200


def test_a_reload_is_told_and_so_is_its_refusal(make_site, web, notices):
    site = passed_site(make_site, {"web": web}, notices.environment, server={"listen": "fd:web"})
    notices.wait_for("READY")
    site.change(routes=[route("GET /free", "free")])
    reloading = notices.wait_for("RELOADING")
    assert int(reloading["MONOTONIC_USEC"]) > 0
    assert notices.wait_for("READY", count=2)["STATUS"] == "1 routes"
    site.file.write_text("not toml at all [")
    site.reload()
    assert "not reloaded" in notices.wait_for("READY", count=3)["STATUS"]
    assert notices.notices.index(notices.all("RELOADING")[1]) < notices.notices.index(notices.all("READY")[2])


def test_the_end_is_told_when_it_begins(make_site, web, notices):
    site = passed_site(make_site, {"web": web}, notices.environment, server={"listen": "fd:web"})
    gate = threading.Event()
    site.upstream.answers["/free"] = Answer(gate=gate)
    with Connection(web.getsockname()) as running:
        running.send(request("GET", "/free"))
        site.upstream.wait_for_calls(1)
        site.process.process.terminate()
        notices.wait_for("STOPPING")
        assert site.process.process.poll() is None
        gate.set()
        answer = running.read_response()
        assert answer.status == 200 and answer.first("connection") == "close"
    assert site.process.process.wait(15) == 0


def test_signs_of_life_go_to_an_abstract_socket_too(make_site, tmp_path):
    notices = NoticeSocket(tmp_path, abstract=True)
    make_site(ROUTES, env=notices.environment | {"WATCHDOG_USEC": "100000"})
    notices.wait_for("READY")
    notices.wait_for("WATCHDOG", count=5)
    notices.close()


def test_a_start_that_fails_is_told(make_site, web, notices):
    site = make_site(ROUTES, start=False, server={"listen": "fd:nothing"})
    result = program.run("serve", "--config", site.file, env=notices.environment)
    assert result.returncode == 1
    assert "fd:nothing" in notices.wait_for("STOPPING")["STATUS"]
    assert not notices.all("READY")
