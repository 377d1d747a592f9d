"""Start, reload, drain, crash."""

import signal
import threading
import time

from kit import farebox as program
from kit.payments import Challenge, receipt_of
from kit.polling import wait_until
from kit.routes import route, toml
from kit.upstream import Answer
from kit.wire import BrokenAnswer, request

ROUTES = [route("GET /paid", "$0.001"), route("GET /after", "$0.001", settle="after"), route("GET /free", "free")]


def refuses_connections(site):
    try:
        site.connect(timeout=1).close()
        return False
    except OSError:
        return True


def test_sigterm_lets_what_runs_finish(make_site, payer):
    site = make_site(ROUTES)
    gate = threading.Event()
    site.upstream.answers["/paid"] = Answer(gate=gate)
    payment = payer.pay(site.challenge("/paid"))
    with site.connect() as running, site.connect() as idle:
        running.send(request("GET", "/paid", payment.v2_fields()))
        site.upstream.wait_for_calls(1)
        site.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(site), "end of accepting")
        assert idle.is_closed_by_peer(), "idle connections are closed"
        gate.set()
        answer = running.read_response()
    assert answer.status == 200 and receipt_of(answer)["success"] is True
    assert site.process.process.wait(10) == 0
    assert site.states_of(payer) == [("settled", "delivered")]


def test_draining_has_an_end(make_site, payer):
    site = make_site(ROUTES, server={"drain_timeout": "300ms"})
    site.upstream.answers["/free"] = Answer(gate=threading.Event())
    with site.connect() as running:
        running.send(request("GET", "/free"))
        site.upstream.wait_for_calls(1)
        assert site.process.stop(timeout=10) == 0


def test_a_reload_changes_prices_for_new_requests(make_site, payer):
    site = make_site(ROUTES)
    old = payer.pay(site.challenge("/paid"))
    site.config["routes"][0]["price"] = "$0.005"
    site.config["routes"].append(route("GET /new", "$0.002"))
    site.file.write_text(toml(site.config))
    site.reload()
    wait_until(lambda: site.fetch("GET", "/new").status == 402, "route of the new file")
    assert site.challenge("/paid").offers[0]["amount"] == "5000"
    # An offer of the older generation is honoured until its time-out.
    assert site.fetch("GET", "/paid", old.v2_fields()).status == 200
    stale = payer.sign(old.asset, old.to, 1000, accepted=site.challenge("/new").offers[0])
    assert site.fetch("GET", "/new", stale.v2_fields()).status == 402


def test_a_broken_file_never_replaces_a_good_one(make_site, payer):
    site = make_site(ROUTES)
    for broken in ("not toml at all [", toml(site.config | {"routes": [route("GET /x", "$0.001", pric="1")]}), ""):
        site.file.write_text(broken)
        site.reload()
        wait_until(lambda: "reload" in site.process.output().lower(), "word about the reload")
        assert site.challenge("/paid").offers[0]["amount"] == "1000"
    site.config["routes"][0]["price"] = "$0.003"
    site.file.write_text(toml(site.config))
    site.reload()
    wait_until(lambda: site.challenge("/paid").offers[0]["amount"] == "3000", "price of the mended file")


def test_a_reload_breaks_nothing_that_runs(make_site, payer):
    site = make_site(ROUTES)
    gate = threading.Event()
    site.upstream.answers["/paid"] = Answer(gate=gate)
    with site.connect() as connection:
        connection.send(request("GET", "/free"))
        assert connection.read_response().status == 200
        connection.send(request("GET", "/paid"))
        payment = payer.pay(Challenge(connection.read_response()))
        connection.send(request("GET", "/paid", payment.v2_fields()))
        site.upstream.wait_for_calls(2)
        site.config["routes"][0]["price"] = "free"
        site.file.write_text(toml(site.config))
        site.reload()
        wait_until(lambda: "reload" in site.process.output().lower(), "word about the reload")
        gate.set()
        answer = connection.read_response()
        assert answer.status == 200 and receipt_of(answer)["success"] is True
        connection.send(request("GET", "/paid"))
        assert connection.read_response().status == 200, "free now, on the same connection"


def test_a_broken_file_does_not_start(make_site):
    site = make_site(ROUTES, start=False)
    site.file.write_text(toml(site.config).replace("pay_to", "pay_too"))
    result = program.run("serve", "--config", site.file)
    assert result.returncode != 0
    assert "pay_too" in result.stderr and site.file.name in result.stderr


def test_the_mock_rail_is_said_loudly_at_start(make_site):
    site = make_site(ROUTES)
    warnings = [e for e in site.process.events() if e.get("level") == "warning" and "mock" in str(e).lower()]
    assert warnings, "a rail that moves no value must say so"


def test_a_port_that_is_taken_is_an_error_with_its_address(make_site):
    first = make_site(ROUTES)
    host, port = first.process.address()
    second = make_site(ROUTES, start=False, server={"listen": f"{host}:{port}"})
    result = program.run("serve", "--config", second.file)
    assert result.returncode != 0 and str(port) in result.stderr


def crash_while_forwarding(site, payer, target):
    """Kills the program while the upstream is at work on a claimed payment."""
    gate = threading.Event()
    site.upstream.answers[target] = Answer(gate=gate)
    payment = payer.pay(site.challenge(target))
    connection = site.connect()
    connection.send(request("GET", target, payment.v2_fields()))
    site.upstream.wait_for_calls(1)
    site.process.kill()
    connection.close()
    gate.set()
    site.upstream.answers.clear()
    return payment


def test_after_a_crash_a_settled_payment_is_owed_its_answer(make_site, payer):
    site = make_site(ROUTES)
    payment = crash_while_forwarding(site, payer, "/paid")
    site.start()
    assert site.states_of(payer) == [("settled", "undelivered")]
    answers = [site.fetch("GET", "/paid", payment.v2_fields()).status for _ in range(3)]
    # The claim's own client, known by its address, comes back for what it paid; then it is over.
    assert answers[0] == 200 and set(answers[1:]) <= {402, 409}, answers
    assert len(site.upstream.calls()) == 2


def test_after_a_crash_a_payment_settled_afterwards_is_not_served_again(make_site, payer):
    """Under `after` the answer may have gone out: what ran is owed, never released."""
    site = make_site(ROUTES)
    payment = crash_while_forwarding(site, payer, "/after")
    site.start()
    assert site.fetch("GET", "/after", payment.v2_fields()).status in (402, 409)
    assert len(site.upstream.calls()) == 1
    wait_until(lambda: site.states_of(payer)[0] in [("settled", "delivered"), ("owed", "delivered")], "settlement of what is owed")


def test_killed_under_load_nothing_is_served_twice(make_site, make_payer):
    """Whoever was answered is not served again, but for an answer of the last moment, whose mark the crash outran."""
    site = make_site(ROUTES)
    payer = make_payer()
    payments = [payer.pay(site.challenge("/paid")) for _ in range(40)]
    served, lock = {payment.nonce: [] for payment in payments}, threading.Lock()

    def send(payment):
        try:
            answer = site.fetch("GET", f"/paid?n={payment.nonce}", payment.v2_fields())
        except (OSError, BrokenAnswer):
            return  # The program is being killed.
        if answer.status == 200:
            with lock:
                served[payment.nonce].append(time.monotonic())

    threads = [threading.Thread(target=send, args=(payment,)) for payment in payments]
    killed_at = None
    for index, thread in enumerate(threads):
        thread.start()
        if index == 25:
            site.process.kill()
            killed_at = time.monotonic()
    for thread in threads:
        thread.join(30)
    before = {nonce: list(times) for nonce, times in served.items()}
    site.start()
    for payment in payments:
        for _ in range(3):
            send(payment)
    for nonce, times in served.items():
        assert len(times) - len(before[nonce]) <= 1, "a payment was served twice by one process"
        if before[nonce] and len(times) > 1:
            assert before[nonce][0] > killed_at - 1, "an answer of long ago was given again"
        assert len(site.upstream.calls(nonce)) <= 2, "once, and once more where the crash lost the answer"
    assert sum(1 for times in served.values() if times) >= 14, "payments that the crash did not touch are good"
