"""What an upstream says of its bodies goes through as it is, within the limits of route and upstream."""

import gzip

import pytest
from kit.routes import route
from kit.upstream import Answer
from kit.wire import BrokenAnswer, request

ROUTES = [
    route("/paid/*", "$0.001"), route("/after/*", "$0.001", settle="after"), route("/free/*", "free"),
    route("/small/*", "$0.001", max_body_bytes="1KiB"), route("/small-free/*", "free", max_body_bytes="1KiB"),
    route("/scrubbed/*", "free", scrub=["Set-Cookie", "X-Internal"]),
]


@pytest.fixture(scope="module")
def site(module_site):
    first = module_site(ROUTES, start=False)
    api = {
        "name": "api", "url": first.upstream.url, "max_response_bytes": "64KiB", "rewrite_location": True,
    }
    return module_site(ROUTES, upstream=first.upstream, upstreams=[api])


@pytest.fixture
def upstream(site):
    site.upstream.reset()
    return site.upstream


def test_compression_is_left_to_the_upstream(site, upstream):
    body = gzip.compress(b"hello " * 100)
    upstream.answers["/free/z"] = Answer(body=body, fields=(("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")))
    answer = site.fetch("GET", "/free/z", {"Accept-Encoding": "gzip, br;q=0.5"})
    assert answer.body == body and answer.first("content-encoding") == "gzip"
    assert answer.first("vary") == "Accept-Encoding"
    assert upstream.calls()[0].first("accept-encoding") == "gzip, br;q=0.5"
    upstream.answers["/free/plain"] = Answer(body=b"text " * 1000)
    plain = site.fetch("GET", "/free/plain", {"Accept-Encoding": "gzip"})
    assert plain.body == b"text " * 1000 and not plain.first("content-encoding")
    assert not site.fetch("GET", "/free/plain").first("content-encoding")
    assert not upstream.calls()[-1].first("accept-encoding")


@pytest.mark.parametrize("status, fields, body", [
    (206, (("Content-Range", "bytes 2-5/10"), ("Accept-Ranges", "bytes"), ("ETag", '"a"')), b"2345"),
    (304, (("ETag", '"a"'), ("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")), b""),
    (416, (("Content-Range", "bytes */10"),), b"no"),
    (412, (), b"changed"),
])
def test_ranges_and_conditions_are_the_upstreams(site, upstream, payer, status, fields, body):
    asked = {"Range": "bytes=2-5", "If-Range": '"a"', "If-None-Match": '"a"', "If-Modified-Since": "x", "If-Match": "*"}
    upstream.answers["/free/r"] = upstream.answers["/paid/r"] = Answer(status=status, fields=fields, body=body)
    answer = site.fetch("GET", "/free/r", asked)
    assert answer.status == status and answer.body == body
    for name, value in fields:
        assert answer.all(name) == [value]
    call = upstream.calls()[0]
    assert {name: call.first(name) for name in asked} == asked
    _, paid = site.pay(payer, "/paid/r", fields=asked)
    assert paid.status == status and paid.body == body
    delivered = "delivered" if status < 400 else "undelivered"
    assert site.states_of(payer) == [("settled", delivered)]


def test_a_body_longer_than_its_route_takes_is_refused_before_it_is_paid_for(site, upstream, payer):
    for target in ("/small/x", "/small-free/x"):
        assert site.fetch("POST", target, body=b"x" * 1025).status == 413
    assert not upstream.calls()
    payment = payer.pay(site.challenge("/small/x", "POST"))
    assert site.fetch("POST", "/small/x", payment.v2_fields(), body=b"x" * 1025).status == 413
    assert site.states_of(payer) == []
    assert site.fetch("POST", "/small/x", payment.v2_fields(), body=b"x" * 1024).status == 200


def test_a_body_that_turns_out_too_long_is_broken_off(site, upstream, payer):
    payment = payer.pay(site.challenge("/small/x", "POST"))
    chunked = {"Transfer-Encoding": "chunked"}
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    with site.connect() as connection:
        connection.send(request("POST", "/small/x", payment.v2_fields() | chunked) + chunk)
        upstream.wait_for_calls(1)
        connection.send(chunk)
        assert connection.read_response("POST").status == 413
    assert site.states_of(payer) == [("settled", "undelivered")]
    with site.connect() as connection:
        connection.send(request("POST", "/small-free/x", chunked) + chunk + chunk + b"0\r\n\r\n")
        assert connection.read_response("POST").status == 413


def test_an_answer_longer_than_the_upstream_may_give_is_not_delivered(site, upstream, payer):
    upstream.answers["/paid/big"] = upstream.answers["/after/big"] = Answer(size=65537)
    payment, answer = site.pay(payer, "/paid/big")
    assert answer.status == 502 and answer.first("payment-grant")
    assert site.states_of(payer) == [("settled", "undelivered")]
    _, after = site.pay(payer, "/after/big")
    assert after.status == 502
    assert site.states_of(payer)[0] == ("released", "undelivered")
    upstream.answers["/paid/big"] = Answer(size=65536)
    assert len(site.fetch("GET", "/paid/big", payment.v2_fields()).body) == 65536


def test_an_answer_that_turns_out_too_long_is_broken_off(site, upstream, payer):
    upstream.answers["/paid/big"] = Answer(pieces=[b"x" * 65536, b"y"])
    payment = payer.pay(site.challenge("/paid/big"))
    with pytest.raises(BrokenAnswer):
        site.fetch("GET", "/paid/big", payment.v2_fields())
    assert site.states_of(payer) == [("settled", "undelivered")]


def test_fields_that_a_route_keeps_to_itself(site, upstream):
    fields = (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Internal", "secret"), ("X-Public", "yes"))
    upstream.answers["/scrubbed/x"] = upstream.answers["/free/x"] = Answer(fields=fields)
    answer = site.fetch("GET", "/scrubbed/x")
    assert not answer.all("set-cookie") and not answer.all("x-internal") and answer.first("x-public") == "yes"
    assert site.fetch("GET", "/free/x").all("set-cookie") == ["a=1", "b=2"]


def test_a_redirection_does_not_tell_where_the_upstream_is(site, upstream):
    port = upstream.address[1]
    for sent, expected in [
        (f"http://127.0.0.1:{port}/a?b#c", "https://api.example.com/a?b#c"),
        (f"HTTP://127.0.0.1:{port}", "https://api.example.com"),
        (f"http://127.0.0.1:{port}//elsewhere.example/", "https://api.example.com//elsewhere.example/"),
        (f"http://127.0.0.1:{port}.elsewhere.example/", f"http://127.0.0.1:{port}.elsewhere.example/"),
        (f"http://127.0.0.1:{port}0/", f"http://127.0.0.1:{port}0/"),
        ("/relative", "/relative"), ("https://elsewhere.example/", "https://elsewhere.example/"),
    ]:
        upstream.answers["/free/go"] = Answer(status=302, fields=(("Location", sent),))
        assert site.fetch("GET", "/free/go").all("location") == [expected]
