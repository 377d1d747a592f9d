"""Methods that are not GET open nothing for free."""

import pytest
from kit.upstream import Answer
from kit.wire import request

PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}


def test_options_is_not_a_way_around(site, upstream):
    for fields in ({}, {"Origin": "https://app.example"}, {"Access-Control-Request-Method": "GET"}):
        answer = site.fetch("OPTIONS", "/cheap/a", fields)
        assert answer.status == 405, (fields, answer.status)
    assert not upstream.calls()


def test_options_on_a_route_for_every_method_is_priced(site, upstream):
    assert site.fetch("OPTIONS", "/any/a").status == 402
    assert not upstream.calls()


@pytest.mark.parametrize("target", ["/cheap/a", "/any/a", "/dear/a"])
def test_a_true_preflight_is_answered_by_us(site, upstream, target):
    answer = site.fetch("OPTIONS", target, PREFLIGHT | {"Access-Control-Request-Headers": "payment-signature"})
    assert answer.status in (200, 204)
    assert answer.body == b""
    assert "GET" in answer.first("access-control-allow-methods")
    allowed = {word.strip().lower() for word in answer.first("access-control-allow-headers").split(",")}
    assert {"payment-signature", "x-payment", "content-type", "access-control-expose-headers"} <= allowed
    assert answer.first("access-control-allow-origin")
    assert not upstream.calls()


def test_options_star_reaches_nobody(site, upstream):
    assert site.fetch("OPTIONS", "*").status in (200, 204, 400, 404, 405)
    assert site.fetch("GET", "*").status == 400
    assert not upstream.calls()


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "Get", "PROPFIND", "G3T", "FOO", "PATCH", "DELETE"])
def test_other_methods_on_a_priced_path_are_not_forwarded(site, upstream, method):
    assert site.fetch(method, "/cheap/a").status in (400, 405, 501)
    assert not upstream.calls()


@pytest.mark.parametrize("method", ["PROPFIND", "DELETE", "PATCH", "PUT", "get"])
def test_a_route_for_every_method_prices_each_of_them(site, upstream, payer, method):
    challenge = site.challenge("/any/a", method)
    assert not upstream.calls()
    answer = site.fetch(method, "/any/a", payer.pay(challenge).v2_fields())
    assert answer.status == 200, answer.body
    assert [call.method for call in upstream.calls()] == [method]


def test_trace_and_connect_are_never_forwarded_even_when_paid(site, upstream, pays):
    payment = pays("/any/a")
    for method in ("TRACE", "CONNECT"):
        assert site.fetch(method, "/any/a", payment.v2_fields()).status in (400, 405, 501)
    assert site.fetch("CONNECT", "api.example.com:443").status in (400, 405, 501)
    assert not upstream.calls()


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_override_field_overrides_nothing(site, upstream, pays, name):
    """A free GET that the upstream would read as a priced POST, and the reverse."""
    assert site.fetch("GET", "/free/a", {name: "POST"}).status == 200
    assert name.lower() not in upstream.calls()[0].names()
    assert site.fetch("GET", "/cheap/a", {name: "OPTIONS"}).status == 402


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X_Original_URL"])
def test_a_path_override_field_overrides_nothing(site, upstream, name):
    """A free path that some frameworks would read as the priced one."""
    assert site.fetch("GET", "/free/a", {name: "/dear/a"}).status == 200
    assert name.lower() not in upstream.calls()[0].names()


def test_head_is_priced_and_served_as_get(site, upstream, payer):
    upstream.answers["/cheap/a"] = Answer(body=b"twelve bytes")
    payment, answer = site.pay(payer, "/cheap/a", method="HEAD")
    assert answer.status == 200 and answer.body == b""
    assert answer.first("content-length") == "12"


@pytest.mark.parametrize("fields", [
    {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eA=="},
    {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"},
])
def test_an_upgrade_passes_the_same_gate(site, upstream, fields):
    assert site.fetch("GET", "/cheap/a", fields).status == 402
    assert not upstream.calls()


def test_a_made_up_upgrade_opens_no_tunnel(site, upstream, pays):
    """After a paid answer that is not 101 the connection speaks HTTP, and what follows is priced."""
    fields = {"Connection": "Upgrade", "Upgrade": "websocket"} | pays("/cheap/a").v2_fields()
    with site.connect() as connection:
        connection.send(request("GET", "/cheap/a", fields))
        assert connection.read_response().status == 200
        connection.send(request("GET", "/cheap/b"))
        assert connection.read_response().status == 402
    assert len(upstream.calls()) == 1
