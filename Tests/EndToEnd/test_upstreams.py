"""Several servers behind one upstream: who is asked, what a dead one costs, and that nothing is sold for it."""

import ssl
import threading

import pytest
from kit.certificates import Authority
from kit.payments import receipt_of
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer, Upstream
from kit.wire import request

ROUTES = [route("GET,POST /free/*", "free"), route("GET,POST /paid/*", "$0.001"), route("GET /later/*", "$0.001", settle="after")]
# Quick enough for a test; a server that is left alone is looked at again four times a second.
QUICK = {"fail_timeout": "100ms", "slow_start": "1ms"}


def servers(*upstreams, **keys):
    """`upstreams` of a file: one with these servers, and `keys`."""
    return [{"name": "api", "servers": [item if isinstance(item, dict) else item.url for item in upstreams], **QUICK, **keys}]


def wait_for_state(site, server, state, count=1):
    name = server.url.split("//")[1]
    return site.process.wait_for_event("upstream server", server=name, state=state, count=count)


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
    return [len([call for call in upstream.calls() if call.target != "/health"]) for upstream in upstreams]


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
    wait_for_state(site, b, "left alone")
    b.revive()
    wait_until(lambda: get(site, "/free/x")[0].status == 200 and counts(b)[0] > 6, "request at the revived server")
    wait_for_state(site, b, "up")
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


def test_requests_that_make_an_only_server_break_off_do_not_shut_it(make_site, make_upstream, payer):
    upstream = make_upstream()
    upstream.answers["/free/bad"] = Answer(raw=b"HTTP/1.1 2")
    site = make_site(ROUTES, upstream, upstreams=servers(upstream, max_fails=1))
    for _ in range(5):
        assert site.fetch("GET", "/free/bad").status == 502
    assert site.fetch("GET", "/free/x").status == 200
    _, answer = site.pay(payer, "/paid/x")
    assert answer.status == 200


def test_a_server_may_have_a_name(make_site, make_upstream):
    upstream = make_upstream()
    name = upstream.url.replace("127.0.0.1", "localhost")
    site = make_site(ROUTES, upstream, upstreams=servers({"url": name}, resolve_interval="250ms"))
    assert {answer.status for answer in get(site, "/free/x", 5)} == {200}
    assert upstream.accepted == 1, "resolving it again keeps the connection"


def test_a_redirect_of_an_upstream_is_passed_on_and_not_followed(make_site, pair):
    a, b = pair
    a.answers["/free/x"] = Answer(status=302, fields=(("Location", f"{b.url}/elsewhere"),))
    site = make_site(ROUTES, a, upstreams=servers(a))
    answer = site.fetch("GET", "/free/x")
    assert answer.status == 302 and answer.first("location") == f"{b.url}/elsewhere"
    assert counts(a, b) == [1, 0]


HEALTH = {"path": "/health", "interval": "250ms", "timeout": "250ms", "healthy": 2, "unhealthy": 2}


def test_checks_find_a_server_ill_and_well_again(make_site, pair, payer):
    a, b = pair
    b.answers["/health"] = Answer(status=503)
    site = make_site(ROUTES, a, upstreams=servers(a, b, health=HEALTH | {"host": "well.example"}))
    wait_for_state(site, b, "down")
    assert a.wait_for_calls(1, "/health")[0].first("host") == "well.example"
    get(site, "/free/x", 10)
    assert counts(a, b) == [10, 0]
    b.answers.clear()
    wait_for_state(site, b, "up")
    get(site, "/free/x", 10)
    assert counts(a, b) == [15, 5]
    lines = site.process.events("upstream server")
    assert len(lines) == 2, "a line for a change, none for a check"


def test_checks_that_fail_everywhere_close_the_shop(make_site, pair, payer):
    a, b = pair
    site = make_site(ROUTES, a, upstreams=servers(a, b, health=HEALTH))
    payment = payer.pay(site.challenge("/paid/x"))
    a.die()
    b.answers["/health"] = Answer(gate=(never := threading.Event()))
    wait_for_state(site, a, "down")
    wait_for_state(site, b, "down")
    assert site.fetch("GET", "/paid/x", payment.v2_fields()).status == 503
    assert site.rows_of(payer) == []
    never.set()
    b.answers.clear()
    wait_for_state(site, b, "up")
    assert site.fetch("GET", "/paid/x", payment.v2_fields()).status == 200


def test_a_check_under_way_holds_up_no_end(make_site, make_upstream):
    upstream = make_upstream()
    upstream.answers["/health"] = Answer(gate=(never := threading.Event()))
    slow = HEALTH | {"interval": "60s", "timeout": "60s"}
    site = make_site(ROUTES, upstream, upstreams=servers(upstream, health=slow))
    upstream.wait_for_calls(1, "/health")
    site.process.stop()
    never.set()


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


# https

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def tls_context(identity, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity["cert_file"], identity["key_file"])
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority.file)
    return context


def https_site(make_site, make_upstream, context, **tls):
    upstream = make_upstream(tls=context)
    return upstream, make_site(ROUTES, upstream, upstreams=servers(upstream, tls=tls))


def test_an_https_upstream_under_an_authority_of_its_own(make_site, make_upstream, authority, payer):
    context = tls_context(authority.issue("server", ["127.0.0.1"]))
    upstream, site = https_site(make_site, make_upstream, context, ca_file=str(authority.file))
    assert {answer.status for answer in get(site, "/free/x", 5)} == {200}
    assert upstream.accepted == 1, "one handshake for all of them"
    _, answer = site.pay(payer, "/paid/x", method="POST", body=b"y" * 100_000)
    assert answer.status == 200
    assert upstream.calls("/paid/x")[0].length == 100_000


def test_a_redirection_of_an_https_server_to_itself_leads_to_us(make_site, make_upstream, authority):
    upstreams = [make_upstream(tls=tls_context(authority.issue(f"server-{number}", ["127.0.0.1"]))) for number in range(2)]
    a, b = upstreams
    group = servers(a, b, tls={"ca_file": str(authority.file)}, rewrite_location=True)
    site = make_site(ROUTES, a, upstreams=group, server={"public_url": "https://api.example.com"})
    for sent, expected in [
        (f"{a.url}/there", "https://api.example.com/there"), (f"{b.url}/there", "https://api.example.com/there"),
        (f"http://127.0.0.1:{a.address[1]}/there", f"http://127.0.0.1:{a.address[1]}/there"),
    ]:
        for upstream in upstreams:
            upstream.answers["/free/go"] = Answer(status=302, fields=(("Location", sent),))
        assert site.fetch("GET", "/free/go").all("location") == [expected]


@pytest.mark.parametrize("case", ["wrong name", "another authority", "expired", "no client certificate"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(make_site, make_upstream, authority, tmp_path, payer, case):
    hosts, days, clients, ca = ["127.0.0.1"], 2, None, authority
    if case == "wrong name":
        hosts = ["other.example"]
    elif case == "another authority":
        ca = Authority(tmp_path / "other")
    elif case == "expired":
        days = -1
    else:
        clients = authority
    context = tls_context(authority.issue(case.replace(" ", "-"), hosts, days), clients)
    upstream, site = https_site(make_site, make_upstream, context, ca_file=str(ca.file))
    assert site.fetch("GET", "/free/x").status == 502
    assert upstream.calls() == []
    line = site.process.wait_for_event("request", status=502)
    if clients is None:
        assert line["remark"] == "upstream: certificate not trusted"


def test_a_server_that_is_not_verified_is_a_warning(make_site, make_upstream, authority):
    context = tls_context(authority.issue("unverified", ["other.example"]))
    upstream, site = https_site(make_site, make_upstream, context, verify=False)
    assert site.fetch("GET", "/free/x").status == 200
    assert "can pose as it" in site.process.output()


def test_a_name_of_ones_own_and_a_certificate_to_show(make_site, make_upstream, authority):
    context = tls_context(authority.issue("named", ["api.internal"]), authority)
    asked = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    identity = authority.issue("client")
    upstream, site = https_site(
        make_site, make_upstream, context, ca_file=str(authority.file), server_name="api.internal", **identity)
    assert site.fetch("GET", "/free/x").status == 200
    assert asked == ["api.internal"]
    assert upstream.calls()[0].first("host") != "api.internal", "the Host is the client's"
