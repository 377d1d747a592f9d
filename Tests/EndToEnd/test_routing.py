"""What the keys of a file promise about where a request goes and what it costs."""

import threading

import pytest
from kit.facilitator import ask, body
from kit.payments import BASE, BASE_SEPOLIA, receipt_of
from kit.routes import OTHER_PAY_TO, PAY_TO, route
from kit.upstream import Answer, Upstream
from kit.wire import Connection, request


@pytest.fixture
def second():
    upstream = Upstream()
    yield upstream
    upstream.stop()


def test_the_most_specific_route_wins(make_site):
    site = make_site([route("/v1/*", "$0.003"), route("GET /v1/:name", "$0.002"), route("GET /v1/weather", "$0.001"),
                      route("GET /v1/weather/:city", "free")])
    for target, amount in (("/v1/weather", "1000"), ("/v1/other", "2000"), ("/v1/a/b", "3000"), ("/v1", "3000")):
        assert site.challenge(target).offers[0]["amount"] == amount, target
    assert site.fetch("GET", "/v1/weather/berlin").status == 200


def test_a_route_has_its_own_recipient_network_and_time(make_site, payer):
    site = make_site([route("GET /own", "$0.001", pay_to=OTHER_PAY_TO, accepts=[BASE.catalogue_id], max_timeout_seconds=300),
                      route("GET /inherited", "$0.001")])
    (own,) = site.challenge("/own").offers
    assert (own["payTo"], own["network"], own["maxTimeoutSeconds"]) == (OTHER_PAY_TO, BASE.network, 300)
    (inherited,) = site.challenge("/inherited").offers
    assert (inherited["payTo"], inherited["network"]) == (PAY_TO, BASE_SEPOLIA.network)
    assert site.pay(payer, "/own")[1].status == 200


def test_atomic_units_are_taken_as_they_are(make_site, payer):
    site = make_site([route("GET /units", "1234 usdc@base-sepolia")])
    assert site.challenge("/units").offers[0]["amount"] == "1234"
    assert site.pay(payer, "/units")[1].status == 200


def test_a_price_below_one_unit_is_rounded_up(make_site):
    site = make_site([route("GET /tiny", "$0.0000001"), route("GET /odd", "$0.0000011")])
    assert site.challenge("/tiny").offers[0]["amount"] == "1"
    assert site.challenge("/odd").offers[0]["amount"] == "2"


def test_each_route_reaches_its_own_upstream(make_site, second, payer):
    site = make_site([route("GET /one", "$0.001"), route("GET /two", "$0.001", upstream="other")], start=False)
    site.write([route("GET /one", "$0.001"), route("GET /two", "$0.001", upstream="other")],
               upstreams=[{"name": "api", "url": site.upstream.url}, {"name": "other", "url": second.url}]).start()
    assert site.pay(payer, "/one")[1].status == 200 and site.pay(payer, "/two")[1].status == 200
    assert [call.target for call in site.upstream.calls()] == ["/one"]
    assert [call.target for call in second.calls()] == ["/two"]


def test_unmatched_requests_go_where_the_file_says(make_site):
    site = make_site([route("GET /paid/*", "$0.001")], server={"unmatched": "free", "unmatched_upstream": "api"})
    assert site.fetch("GET", "/anything/else").status == 200
    assert site.fetch("GET", "/paid/x").status == 402
    for target in ("/paid;x/a", "/paid%2fx", "//paid/x", "/x/../paid/x", "/paid%3fx", "/%70aid/x", "/PAID/x", "/paid/./x"):
        assert site.fetch("GET", target).status in (400, 402), target
    assert [call.target for call in site.upstream.calls()] == ["/anything/else"]


def test_encoded_slashes_are_kept_where_the_upstream_wants_them(make_site, payer):
    site = make_site([route("GET /packages/*", "$0.001")], start=False)
    site.write([route("GET /packages/*", "$0.001")],
               upstreams=[{"name": "api", "url": site.upstream.url, "encoded_slash": "keep"}]).start()
    _, answer = site.pay(payer, "/packages/@scope%2Fname")
    assert answer.status == 200
    assert [call.target for call in site.upstream.calls()] == ["/packages/@scope%2Fname"]


def test_the_upstream_sees_host_and_origin_of_the_client(make_site):
    site = make_site([route("GET /free/*", "free")])
    site.fetch("GET", "/free/a", host="API.example.com:8080", source="127.0.0.9")
    (call,) = site.upstream.calls()
    assert call.first("x-forwarded-for") == "127.0.0.9"
    assert call.first("x-forwarded-proto") == "http"
    assert call.first("host").lower() == "api.example.com:8080"


def test_settling_through_the_api_is_limited_in_rate(make_site, make_payer):
    site = make_site([route("GET /x", "$0.001")], facilitator={"listen": "127.0.0.1:0", "settle_per_minute": 60, "settle_burst": 3})
    payer = make_payer()
    statuses = [ask(site, "/settle", body(payer.sign(BASE_SEPOLIA, PAY_TO, 1000)))[0] for _ in range(6)]
    assert statuses[:3] == [200] * 3 and 429 in statuses[3:], statuses


def test_connections_to_an_upstream_have_a_limit(make_site):
    site = make_site([route("GET /free/*", "free")], start=False)
    site.write([route("GET /free/*", "free")],
               upstreams=[{"name": "api", "url": site.upstream.url, "max_connections": 2, "queue_timeout": "300ms"}])
    site.start(env={"FAREBOX_LOOPS": "1"})
    gate = threading.Event()
    site.upstream.answers["/free/slow"] = Answer(gate=gate)
    waiting = [site.connect() for _ in range(2)]
    for connection in waiting:
        connection.send(request("GET", "/free/slow"))
    site.upstream.wait_for_calls(2)
    with Connection(site.process.address()) as third:
        assert third.send(request("GET", "/free/slow")).read_response().status in (502, 503, 504)
    assert len(site.upstream.calls()) == 2
    gate.set()
    for connection in waiting:
        assert connection.read_response().status == 200
        connection.close()


def test_receipts_are_of_the_network_that_was_paid_on(make_site, payer):
    site = make_site([route("GET /both", "$0.001", accepts=[BASE_SEPOLIA.catalogue_id, BASE.catalogue_id])])
    payment = payer.pay(site.challenge("/both"), index=1)
    answer = site.fetch("GET", "/both", payment.v2_fields())
    assert answer.status == 200 and receipt_of(answer)["network"] == BASE.network
