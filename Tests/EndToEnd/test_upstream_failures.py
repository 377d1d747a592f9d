"""When the upstream fails, nobody pays for nothing: the payment opens the same request again, and only that."""

import threading

import pytest
from kit.payments import receipt_of
from kit.polling import wait_until
from kit.routes import route, toml
from kit.upstream import Answer, Upstream
from kit.wire import BrokenAnswer, request

ROUTES = [route("GET,POST /before/*", "$0.001"), route("GET,POST /after/*", "$0.001", settle="after"), route("GET /free", "free")]


def failing(upstream, status=500, times=1):
    """Answers `status` that often, then what a healthy upstream answers."""
    left = [times]

    def answer(received):
        left[0] -= 1
        return Answer(status=status, body=b"broken") if left[0] >= 0 else Answer()

    return answer


def test_a_dead_upstream_takes_no_payment_for_nothing(make_site, payer):
    upstream = Upstream(start_serving=False)
    site = make_site(ROUTES, upstream)
    assert site.fetch("GET", "/free").status == 502

    payment, answer = site.pay(payer, "/before/a")
    assert answer.status == 502, answer.body
    grant = answer.first("payment-grant")
    assert grant, "the answer brings the token that proves who may come back"
    assert receipt_of(answer)["success"] is True, "the money did move, and the receipt says so"
    assert site.states_of(payer) == [("settled", "undelivered")]

    upstream.serve()
    again = site.fetch("GET", "/before/a", payment.v2_fields() | {"Payment-Grant": grant})
    assert again.status == 200, again.body
    assert receipt_of(again)["transaction"] == receipt_of(answer)["transaction"], "the same settlement, not a second one"
    assert site.states_of(payer) == [("settled", "delivered")]
    assert len(upstream.calls("/before/a")) == 1

    third = site.fetch("GET", "/before/a", payment.v2_fields() | {"Payment-Grant": grant})
    assert third.status in (402, 409)
    assert len(upstream.calls("/before/a")) == 1


def test_a_client_that_knows_no_token_may_come_back_from_its_address(make_site, payer):
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = failing(site.upstream)
    payment, answer = site.pay(payer, "/before/a")
    assert answer.status == 500
    assert site.fetch("GET", "/before/a", payment.v2_fields()).status == 200
    assert len(site.upstream.calls()) == 2


def test_a_wrong_token_is_no_token(make_site, payer):
    """With the right address the token is not needed; a wrong one must not break what works, nor open what does not."""
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = failing(site.upstream)
    payment, _ = site.pay(payer, "/before/a")
    other = site.fetch("GET", "/before/b", payment.v2_fields() | {"Payment-Grant": "x" * 43})
    assert other.status in (402, 409) and len(site.upstream.calls()) == 1


@pytest.mark.parametrize("method, target, body", [
    ("POST", "/before/a", b""), ("GET", "/before/b", None), ("GET", "/before/a?x=1", None), ("GET", "/after/a", None),
], ids=["another method", "another path", "another query", "another route"])
def test_an_undelivered_payment_opens_nothing_else(make_site, payer, method, target, body):
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = failing(site.upstream)
    payment, answer = site.pay(payer, "/before/a")
    grant = {"Payment-Grant": answer.first("payment-grant") or ""}
    other = site.fetch(method, target, payment.v2_fields() | grant, body=body)
    assert other.status in (402, 409), other.status
    assert len(site.upstream.calls()) == 1
    assert site.fetch("GET", "/before/a", payment.v2_fields() | grant).status == 200


def test_an_undelivered_payment_is_bound_to_its_body(make_site, payer):
    """A payer who provokes a failure must not run the upstream again with another body."""
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = failing(site.upstream, times=3)
    payment, answer = site.pay(payer, "/before/a", method="POST", body=b"first body")
    assert answer.status == 500
    grant = {"Payment-Grant": answer.first("payment-grant") or ""}
    swapped = site.fetch("POST", "/before/a", payment.v2_fields() | grant, body=b"other body")
    assert swapped.status in (402, 409, 400), swapped.status
    assert not [call for call in site.upstream.calls() if call.complete and call.body == b"other body"]


def test_redeliveries_are_counted(make_site, payer):
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = failing(site.upstream, times=1000)
    payment, answer = site.pay(payer, "/before/a")
    statuses = [answer.status]
    for _ in range(8):
        grant = answer.first("payment-grant") or ""
        answer = site.fetch("GET", "/before/a", payment.v2_fields() | {"Payment-Grant": grant})
        statuses.append(answer.status)
    assert statuses[:4] == [500] * 4, statuses
    assert set(statuses[4:]) <= {402, 409}, statuses
    assert len(site.upstream.calls()) == 4, "once, and three times more"


def test_redeliveries_do_not_race(make_site, payer):
    site = make_site(ROUTES)
    gate = threading.Event()
    site.upstream.answers["/before/a"] = failing(site.upstream)
    payment, answer = site.pay(payer, "/before/a")
    site.upstream.answers["/before/a"] = Answer(gate=gate)
    fields = payment.v2_fields() | {"Payment-Grant": answer.first("payment-grant") or ""}
    with site.connect() as first:
        first.send(request("GET", "/before/a", fields))
        site.upstream.wait_for_calls(2)
        assert site.fetch("GET", "/before/a", fields).status in (402, 409)
        gate.set()
        assert first.read_response().status == 200
    assert len(site.upstream.calls()) == 2


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_under_after_a_failure_is_not_charged(make_site, payer, status):
    site = make_site(ROUTES)
    site.upstream.answers["/after/a"] = failing(site.upstream, status)
    payment, answer = site.pay(payer, "/after/a")
    assert answer.status == status and answer.body == b"broken"
    assert receipt_of(answer) is None, "nothing was settled, so nothing is receipted"
    assert site.states_of(payer)[0][0] == "released"
    again = site.fetch("GET", "/after/a", payment.v2_fields())
    assert again.status == 200, again.body
    assert receipt_of(again)["success"] is True
    assert len(site.states_of(payer)) == 1 or ("settled", "delivered") in site.states_of(payer)


def test_under_after_a_dead_upstream_is_not_charged(make_site, payer):
    upstream = Upstream(start_serving=False)
    site = make_site(ROUTES, upstream)
    payment, answer = site.pay(payer, "/after/a")
    assert answer.status == 502 and receipt_of(answer) is None
    upstream.serve()
    assert site.fetch("GET", "/after/a", payment.v2_fields()).status == 200


@pytest.mark.parametrize("status, charged", [(200, True), (204, True), (301, True), (404, False)])
def test_what_counts_as_delivered(make_site, payer, status, charged):
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = Answer(status=status, body=b"")
    _, answer = site.pay(payer, "/before/a")
    assert answer.status == status
    assert site.states_of(payer) == [("settled", "delivered" if charged else "undelivered")]


def test_charge_on_is_the_routes_to_choose(make_site, payer):
    site = make_site([route("GET /a", "$0.001", settle="after", charge_on=["404"])])
    site.upstream.answers["/a"] = Answer(status=404, body=b"gone")
    _, answer = site.pay(payer, "/a")
    assert answer.status == 404 and receipt_of(answer)["success"] is True


def test_an_upstream_that_breaks_off_breaks_the_answer_off(make_site, payer):
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = Answer(size=1_000_000, break_after=300_000)
    payment = payer.pay(site.challenge("/before/a"))
    with site.connect() as connection:
        connection.send(request("GET", "/before/a", payment.v2_fields()))
        head = connection.read_head()
        assert head.status == 200
        with pytest.raises(BrokenAnswer):
            list(connection.body_parts(head))


def test_a_slow_upstream_times_out(make_site, payer):
    site = make_site([route("GET /slow", "$0.001", settle="after")])
    gate = threading.Event()
    site.upstream.answers["/slow"] = Answer(gate=gate)
    site.config["upstreams"][0]["first_byte_timeout"] = "400ms"
    site.stop()
    site.file.write_text(toml(site.config))
    site.start()
    payment, answer = site.pay(payer, "/slow")
    assert answer.status == 504 and receipt_of(answer) is None
    gate.set()
    site.upstream.answers.clear()
    assert site.fetch("GET", "/slow", payment.v2_fields()).status == 200


def test_garbage_from_the_upstream_is_a_bad_gateway(make_site):
    site = make_site(ROUTES)
    for raw in (b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", b"HTTP/1.1 99 Low\r\n\r\n", b"\x00" * 64 + b"\r\n\r\n", b""):
        site.upstream.answers["/free"] = Answer(raw=raw)
        assert site.fetch("GET", "/free").status == 502, raw
    site.upstream.answers.clear()
    assert site.fetch("GET", "/free").status == 200


def test_a_client_that_leaves_mid_body_does_not_hurt_the_others(make_site, payer):
    site = make_site(ROUTES)
    site.upstream.answers["/before/big"] = Answer(size=50_000_000)
    payment = payer.pay(site.challenge("/before/big"))
    with site.connect() as connection:
        connection.send(request("GET", "/before/big", payment.v2_fields()))
        connection.take(100_000)
        connection.reset()
    wait_until(lambda: site.states_of(payer)[0][1] != "forwarding", "end of the broken exchange")
    value, service = site.states_of(payer)[0]
    assert value == "settled" and service in ("delivered", "undelivered")
    assert site.fetch("GET", "/free").status == 200
    wait_until(lambda: not site.upstream.open or len(site.upstream.open) <= 2, "release of the upstream connection")


def test_a_kept_connection_that_died_is_retried_once(make_site):
    site = make_site(ROUTES)
    assert site.fetch("GET", "/free").status == 200
    for _ in range(3):
        site.upstream.drop_connections()
        assert site.fetch("GET", "/free").status == 200
