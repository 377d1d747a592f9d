"""Behind HAProxy and nginx as people run them: the client's address reaches log, limits and upstream, and nobody makes one up."""

import pytest
from kit import balancers
from kit.balancers import haproxy, nginx
from kit.payments import Challenge
from kit.routes import route
from kit.upstream import Answer
from kit.wire import fetch

# The client connects from another loopback address than the balancers, which are trusted.
CLIENT, OTHER = "127.0.0.5", "127.0.0.6"
ROUTES = [route("/free/*", "free"), route("GET /paid", "$0.001")]
MADE_UP = {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6"}

pytestmark = pytest.mark.skipif(not (balancers.HAPROXY and balancers.NGINX), reason="HAProxy or nginx is not installed")

HAPROXY_RULES = "option forwardfor\n    http-request set-header X-Forwarded-Proto https"
NGINX_RULES = """proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;"""
RFC7239_RULES = 'http-request set-header Forwarded "for=%[src];proto=https;host=%[req.hdr(Host)]"'


@pytest.fixture(scope="module")
def plain(module_site):
    return module_site(ROUTES, server={"trusted_proxies": ["127.0.0.1"]}, limits={"client": "1000/h burst 1000"})


@pytest.fixture(scope="module")
def proxied(module_site):
    return module_site(ROUTES, server={"trusted_proxies": ["127.0.0.1"], "proxy_protocol": True})


@pytest.fixture
def start(tmp_path):
    running = []

    def start(make, behind, **options):
        running.append(make(tmp_path / f"balancer{len(running)}", behind, **options))
        return running[-1].address

    yield start
    for balancer in running:
        balancer.stop()


def told(site, address, source=CLIENT):
    """What the upstream is told of a request through the balancer at `address`."""
    site.upstream.reset()
    assert fetch(address, "GET", "/free/a", MADE_UP, source=source).status == 200
    (call,) = site.upstream.calls()
    return call


@pytest.mark.parametrize("make, options", [
    (haproxy, {"mode": "http", "rules": HAPROXY_RULES}), (nginx, {"rules": NGINX_RULES})])
def test_a_balancer_that_writes_x_forwarded_for(plain, start, make, options):
    call = told(plain, start(make, plain.process.address(), **options))
    assert call.all("x-forwarded-for") == [f"{CLIENT}, 127.0.0.1"]
    assert call.all("x-forwarded-proto") == ["https"]
    assert call.all("x-real-ip") == [CLIENT]
    assert "forwarded" not in call.names()


def test_one_balancer_behind_another(plain, start):
    inner = start(haproxy, plain.process.address(), mode="http", rules=HAPROXY_RULES)
    call = told(plain, start(nginx, inner, rules=NGINX_RULES))
    assert call.all("x-forwarded-for") == [f"{CLIENT}, 127.0.0.1, 127.0.0.1"]


def test_a_balancer_that_writes_forwarded(make_site, start):
    site = make_site(ROUTES, server={"trusted_proxies": ["127.0.0.1"], "forwarded": "rfc7239"})
    call = told(site, start(haproxy, site.process.address(), mode="http", rules=RFC7239_RULES))
    assert call.all("x-forwarded-for") == [f"{CLIENT}, 127.0.0.1"]
    assert call.all("x-forwarded-host") == ["api.example.com"]


@pytest.mark.parametrize("options", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"])
def test_the_proxy_protocol_as_haproxy_speaks_it(proxied, start, options):
    call = told(proxied, start(haproxy, proxied.process.address(), options=options))
    assert call.all("x-forwarded-for") == [CLIENT]


def test_clients_behind_a_balancer_have_a_limit_each(make_site, start):
    site = make_site(ROUTES, server={"trusted_proxies": ["127.0.0.1"]}, limits={"client": "2/h"})
    address = start(nginx, site.process.address(), rules=NGINX_RULES)

    def statuses(source):
        return [fetch(address, "GET", "/free/a", MADE_UP, source=source).status for _ in range(3)]

    assert statuses(CLIENT) == [200, 200, 429]
    assert statuses(OTHER) == [200, 200, 429]


def test_a_payer_behind_a_balancer_comes_back_from_its_own_address(make_site, start, payer):
    site = make_site(ROUTES, server={"trusted_proxies": ["127.0.0.1"], "proxy_protocol": True})
    address = start(haproxy, site.process.address(), options="send-proxy-v2")
    site.upstream.answers["/paid"] = Answer(status=500)
    fields = payer.pay(Challenge(fetch(address, "GET", "/paid", source=CLIENT))).fields("v2")
    assert fetch(address, "GET", "/paid", fields, source=CLIENT).status == 500
    del site.upstream.answers["/paid"]
    assert fetch(address, "GET", "/paid", fields, source=OTHER).status == 402
    assert fetch(address, "GET", "/paid", fields, source=CLIENT).status == 200
