"""Several servers behind one upstream: who is asked, what a dead one costs, and that nothing is sold for it."""

import threading

import pytest
from kit.payments import receipt_of
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer, Upstream
from kit.wire import request

ROUTES = [route("GET,POST /free/*", "free"), route("GET,POST /paid/*", "$0.001"), route("GET /later/*", "$0.001", settle="after")]
# Quick enough for a test.
QUICK = {"fail_timeout": "100ms", "slow_start": "1ms"}


def servers(*upstreams, **keys):
    """`upstreams` of a file: one with these servers, and `keys`."""
    return [{"name": "api", "servers": [item if isinstance(item, dict) else item.url for item in upstreams], **QUICK, **keys}]


def get(site, target, times=1, **fields):
    """The answers to so many GETs on one connection, so that one event loop sees them all."""
    with site.connect() as connection:
        answers = []
        for _ in range(times):
            connection.send(request("GET", target, fields))
            answers.append(connection.read_response())
        return answers


@pytest.fixture
def make_upstream():
    made = []

    def make(**options):
        made.append(Upstream(**options))
        return made[-1]

    yield make
    for upstream in made:
        upstream.stop()


@pytest.fixture
def pair(make_upstream):
    return make_upstream(), make_upstream()


def counts(*upstreams):
    return [len(upstream.calls()) for upstream in upstreams]


def test_requests_go_by_weight(make_site, pair):
    a, b = pair
    site = make_site(ROUTES, a, upstreams=servers({"url": a.url, "weight": 2}, b))
    assert {answer.status for answer in get(site, "/free/x", 30)} == {200}
    assert counts(a, b) == [20, 10]


def test_a_backup_is_asked_only_when_nobody_else_is_there(make_site, pair):
    a, b = pair
    site = make_site(ROUTES, a, upstreams=servers(a, {"url": b.url, "backup": True}))
    get(site, "/free/x", 5)
    assert counts(a, b) == [5, 0]
    a.die()
    assert {answer.status for answer in get(site, "/free/x", 10)} == {200}
    assert counts(a, b) == [5, 10]


def test_a_key_stays_with_its_server(make_site, make_upstream):
    group = [make_upstream() for _ in range(3)]
    site = make_site(ROUTES, group[0], upstreams=servers(*group, balance="hash", hash_on="header:X-Tenant"))

    def home(tenant):
        before = counts(*group)
        assert get(site, "/free/x", **{"X-Tenant": tenant})[0].status == 200
        return [after - earlier for earlier, after in zip(before, counts(*group))].index(1)

    tenants = [f"tenant-{number}" for number in range(12)]
    homes = {tenant: home(tenant) for tenant in tenants}
    assert {tenant: home(tenant) for tenant in tenants} == homes
    assert len(set(homes.values())) > 1
    group[0].die()
    after = {tenant: home(tenant) for tenant in tenants}
    assert all(after[tenant] == homes[tenant] for tenant in tenants if homes[tenant] != 0)
    assert 0 not in after.values()


def test_a_server_that_dies_costs_no_request_and_gets_its_share_when_it_is_back(make_site, pair):
    a, b = pair
    site = make_site(ROUTES, a, upstreams=servers(a, b))
    get(site, "/free/x", 4)
    b.die()
    assert {answer.status for answer in get(site, "/free/x", 30)} == {200}
    b.revive()
    wait_until(lambda: get(site, "/free/x")[0].status == 200 and counts(b)[0] > 6, "request at the revived server")
    before = counts(a, b)
    get(site, "/free/x", 20)
    assert counts(a, b) == [before[0] + 10, before[1] + 10]


def test_a_request_that_may_have_run_is_not_run_again(make_site, pair):
    a, b = pair
    for upstream in pair:
        upstream.answers["/free/x"] = Answer(raw=b"")
    site = make_site(ROUTES, a, upstreams=servers(a, b))
    assert site.fetch("POST", "/free/x", body=b"once").status == 502
    assert sum(counts(a, b)) == 1
    assert site.fetch("GET", "/free/x").status == 502
    assert sum(counts(a, b)) == 3, "a GET may run twice"


def test_what_is_paid_goes_to_a_server_that_lives_and_runs_once(make_site, pair, payer):
    a, b = pair
    site = make_site(ROUTES, a, upstreams=servers(a, b))
    b.die()
    for number in range(6):
        _, answer = site.pay(payer, f"/paid/{number}", method="POST", body=b"x")
        assert answer.status == 200 and receipt_of(answer)["success"] is True
        assert len(a.calls(f"/paid/{number}")) == 1
    assert site.states_of(payer) == [("settled", "delivered")] * 6


def test_what_is_paid_and_may_have_run_is_not_tried_elsewhere(make_site, pair, payer):
    a, b = pair
    for upstream in pair:
        upstream.answers["/paid/x"] = Answer(raw=b"")
    site = make_site(ROUTES, a, upstreams=servers(a, b))
    _, answer = site.pay(payer, "/paid/x")
    assert answer.status == 502 and answer.first("payment-grant")
    assert sum(counts(a, b)) == 1


@pytest.mark.parametrize("target", ["/paid/x", "/later/x"])
def test_nothing_is_sold_for_a_server_known_to_be_dead(make_site, make_upstream, payer, target):
    upstream = make_upstream()
    site = make_site(ROUTES, upstream, upstreams=servers(upstream, max_fails=2))
    payment = payer.pay(site.challenge(target))
    upstream.die()
    for _ in range(2):
        assert site.fetch("GET", "/free/x").status == 502
    unpaid = site.fetch("GET", target)
    assert unpaid.status == 503, "no price for what cannot be served"
    assert int(unpaid.first("retry-after")) >= 1
    assert unpaid.json()["error"] == "upstream_unavailable"
    paid = site.fetch("GET", target, payment.v2_fields())
    assert paid.status == 503 and paid.first("payment-response") is None
    assert int(paid.first("retry-after")) >= 1
    assert site.rows_of(payer) == [], "not claimed, so not charged"

    upstream.revive()
    answer = wait_until(
        lambda: (found := site.fetch("GET", target, payment.v2_fields())).status == 200 and found, "answer of the revived server")
    assert receipt_of(answer)["success"] is True
    assert site.states_of(payer) == [("settled", "delivered")]
    assert len(upstream.calls(target)) == 1


def test_a_redirect_of_an_upstream_is_passed_on_and_not_followed(make_site, pair):
    a, b = pair
    a.answers["/free/x"] = Answer(status=302, fields=(("Location", f"{b.url}/elsewhere"),))
    site = make_site(ROUTES, a, upstreams=servers(a))
    answer = site.fetch("GET", "/free/x")
    assert answer.status == 302 and answer.first("location") == f"{b.url}/elsewhere"
    assert counts(a, b) == [1, 0]


def test_a_reload_keeps_the_connections_to_servers_that_stay(make_site, pair):
    a, b = pair
    site = make_site(ROUTES, a, upstreams=servers(a))
    pieces = iter_until(gate := threading.Event())
    a.answers["/free/long"] = lambda _: Answer(pieces=pieces)
    with site.connect() as other, site.connect() as connection:
        connection.send(request("GET", "/free/long"))
        a.wait_for_calls(1, "/free/long")
        get(site, "/free/x", 3)
        accepted = a.accepted
        site.write(ROUTES, upstreams=servers(a, b, balance="least_outstanding"))
        site.reload()
        site.process.wait_for_event("reloaded")
        get(site, "/free/x", 8)
        gate.set()
        assert connection.read_response().status == 200, "an answer under way goes on"
        assert b.calls("/free/x")
        assert a.accepted <= accepted + 1, "connections stay; the other loop may have made its first"
        del other


def iter_until(gate):
    yield b"begun"
    gate.wait(30)
    yield b"done"
