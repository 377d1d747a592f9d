"""No spelling of a path or host that some upstream might read as a priced route gets through for less."""

import pytest
from kit.payments import Challenge
from kit.routes import route
from kit.wire import Connection, request

REFUSED = 400

AMBIGUOUS = [
    "//cheap/a", "/cheap//a", "/./cheap/a", "/cheap/./a", "/free/../cheap/a", "/cheap/..", "/cheap/../free/a", "/cheap/.",
    "/free/%2e%2e/cheap/a", "/free/%2E%2E/cheap/a", "/free/.%2e/cheap/a", "/free/%2e/cheap/a", "/cheap%2fa", "/cheap%2Fa",
    "/free/..%2fcheap/a", "/free/%2e%2e%2fcheap/a", "/free/..%5ccheap/a", "/free\\..\\cheap/a", "/cheap\\a", "/cheap%5Ca",
    "/free/;/../cheap/a", "/cheap/a%00", "/cheap%00/a",
    "/free/a%0a", "/cheap/a%0d%0aX-Evil:1", "/cheap/a%09", "/cheap/%c0%afa", "/cheap/%c0%ae%c0%ae/a", "/cheap/%e0%80%af",
    "/cheap/%ff", "/cheap/%c3", "/cheap/%252e%252e/a", "/free/%252e%252e/cheap/a", "/cheap%252fa", "/cheap/%25%32%66",
    "/cheap/a%", "/cheap/a%2", "/cheap/a%zz", "/cheap/a%u002f", "/cheap/a#fragment", "/cheap/a#", "/cheap/a%23/../b",
    "/cheap/\xe9", "/cheap/\x7f", "/cheap/%7f", "/cheap/...%2f", "cheap/a", "?cheap", "#", "",
]


# Some servers read these as another path. They are refused, or priced as the dearest reading.
DOUBTFUL = [
    "/cheap/a;x=1", "/cheap;jsessionid=1/a", "/cheap/a%3bx=1", "/cheap/a%3f", "/cheap/a.", "/cheap/a.json", "/cheap/a%20",
    "/cheap/a+b", "/cheap./a", "/cheap%20/a", "/cheap;/a", "/free;/../cheap/a", "/dollar;x", "/dollar.", "/dollar%20",
    "/dollar.json", "/dollar%3f", "/dollar%3b", "/DOLLAR", "/dollar/", "/dollar+", "/Cheap/a",
]


@pytest.mark.parametrize("target", DOUBTFUL)
def test_a_target_that_servers_read_differently_is_never_cheaper(site, upstream, target):
    answer = site.fetch("GET", target)
    assert answer.status in (400, 402, 404), answer.status
    if answer.status == 402:
        assert Challenge(answer).offers[0]["amount"] == ("1000000" if "dollar" in target.lower() else "1000")
    assert not upstream.calls()


@pytest.mark.parametrize("target", AMBIGUOUS)
def test_an_ambiguous_target_is_refused(site, upstream, target):
    answer = site.fetch("GET", target)
    assert answer.status == REFUSED, (answer.status, answer.body)
    assert not upstream.calls()
    # Paid or not makes no difference: nothing of it is forwarded.
    assert not answer.all("PAYMENT-REQUIRED")


@pytest.mark.parametrize("target", [
    "http://api.example.com/cheap/a", "HTTP://API.EXAMPLE.COM/cheap/a", "http://api.example.com:80/cheap/a",
])
def test_an_absolute_target_of_this_host_is_priced(site, upstream, target):
    answer = site.fetch("GET", target)
    assert answer.status in (402, REFUSED)
    assert not upstream.calls()


def test_a_paid_absolute_target_is_forwarded_in_origin_form(site, upstream, pays):
    answer = site.fetch("GET", "http://api.example.com/cheap/a?b=c", pays("/cheap/a").v2_fields())
    assert answer.status == 200, answer.body
    assert [call.target for call in upstream.calls()] == ["/cheap/a?b=c"]


@pytest.mark.parametrize("target", [
    "http://other.example/cheap/a", "http://user@api.example.com/cheap/a", "http://user:pw@api.example.com/cheap/a",
    "https://api.example.com.evil.example/cheap/a", "http:///cheap/a", "http:/cheap/a", "http://", "//api.example.com/free/a",
    "ftp://api.example.com/free/a", "file:///etc/passwd", "http://api.example.com:99999/free/a", "http://[::1/free/a",
    "http://api.example.com\\@evil.example/free/a", "javascript:alert(1)",
])
def test_an_authority_that_differs_from_host_is_refused(site, upstream, target):
    assert site.fetch("GET", target).status == REFUSED
    assert not upstream.calls()


@pytest.mark.parametrize("host", [
    "", "a b", "api.example.com/free", "user@api.example.com", "api.example.com:port", "api.example.com:99999", "[::1",
    "api.example.com#", "api.example.com?", "a,b", "api.example.com\\", "api%2eexample.com", "\xe9.example",
])
def test_a_host_that_is_not_one_is_refused(site, upstream, host):
    assert site.fetch("GET", "/free/a", host=host).status == REFUSED
    assert not upstream.calls()


@pytest.mark.parametrize("target", [
    "/%63heap/a", "/cheap/%61", "/CHEAP/A", "/cheap/a/", "/cheap/a?/../free", "/cheap/a?%2e%2e", "/cheap/a?x=//y", "/cheap/%7Ea",
    "/cheap/%C3%A9", "/cheap/a%20b", "/cheap/a:b@c", "/cheap/a?", "/cheap/a??", "/cheap/*",
])
def test_a_harmless_spelling_is_priced_and_forwarded_as_priced(site, upstream, payer, target):
    challenge = site.challenge(target)
    assert challenge.offers[0]["amount"] == "1000"
    assert not upstream.calls()
    answer = site.fetch("GET", target, payer.pay(challenge).v2_fields())
    assert answer.status == 200, answer.body
    (call,) = upstream.calls()
    # Percent-encoded unreserved letters are decoded; everything else keeps the client's spelling.
    assert call.target == target.replace("%63", "c").replace("%61", "a").replace("%7E", "~")


@pytest.mark.parametrize("target", ["/free/a", "/free/a/b/c", "/free/", "/free"])
def test_free_routes_stay_reachable(site, upstream, target):
    assert site.fetch("GET", target).status == 200
    assert [call.target for call in upstream.calls()] == [target]


def test_tricks_with_a_payment_do_not_use_it_up(site, upstream, pays):
    payment = pays("/cheap/a")
    for target in AMBIGUOUS[:20]:
        assert site.fetch("GET", target, payment.v2_fields()).status == REFUSED
    assert site.fetch("GET", "/cheap/a", payment.v2_fields()).status == 200
    assert len(upstream.calls()) == 1


def test_host_decides_the_route_anchored_and_normalised(make_site):
    site = make_site([route("GET /data", "$0.001", host="paid.example.com"), route("GET /data", "free", host="free.example.com")])
    for host in ("paid.example.com", "PAID.example.com", "paid.example.com:80", "paid.example.com."):
        assert site.fetch("GET", "/data", host=host).status in (402, REFUSED), host
    for host in ("evilpaid.example.com", "paid.example.com.evil", "example.com", "free.example.com.evil", "xfree.example.com"):
        assert site.fetch("GET", "/data", host=host).status == 404, host
    assert not site.upstream.calls()
    assert site.fetch("GET", "/data", host="free.example.com").status == 200


def test_two_hosts_or_none_are_refused(site, upstream):
    for data in (request("GET", "/free/a", [("Host", "api.example.com")]), request("GET", "/free/a", host=None)):
        with Connection(site.process.address()) as connection:
            assert connection.send(data).read_response().status == 400
    assert not upstream.calls()
