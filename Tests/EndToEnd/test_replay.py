"""One payment opens one request once, however it is repeated, raced, re-encoded or moved."""

import base64
import json
import threading

import pytest
from kit.payments import BASE_SEPOLIA, Payer, encode, receipt_of
from kit.routes import PAY_TO, route
from kit.upstream import Answer
from kit.wire import Connection, request

REFUSED = (402, 409)


def race(address, requests):
    """Sends every request on a connection of its own, all released together, and returns the answers."""
    start, answers = threading.Barrier(len(requests)), [None] * len(requests)

    def run(index, data):
        with Connection(address, timeout=30) as connection:
            connection.send(data[:-2])
            start.wait(30)
            connection.send(data[-2:])
            answers[index] = connection.read_response()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert None not in answers, "a racer got no answer"
    return answers


@pytest.mark.parametrize("form", ["v2", "v1", "plain"])
def test_a_repeated_payment_is_refused(site, upstream, payer, form):
    payment, answer = site.pay(payer, "/cheap/a", form=form)
    assert answer.status == 200, answer.body
    for _ in range(3):
        again = site.fetch("GET", "/cheap/a", payment.fields(form))
        assert again.status in REFUSED
        assert again.json()["error"] == "payment_already_used"
    assert len(upstream.calls()) == 1
    assert site.states_of(payer) == [("settled", "delivered")]


@pytest.mark.parametrize("target", ["/cheap/race", "/after/race"])
def test_of_fifty_racers_one_is_served(site, upstream, payer, pays, target):
    payment = pays(target)
    answers = race(site.process.address(), [request("GET", target, payment.v2_fields())] * 50)
    statuses = sorted(answer.status for answer in answers)
    assert statuses.count(200) == 1, statuses
    assert all(status in (200, *REFUSED) for status in statuses), statuses
    assert len(upstream.calls()) == 1
    losers = [answer.json()["error"] for answer in answers if answer.status != 200]
    assert set(losers) <= {"payment_already_used", "payment_in_flight"}, set(losers)
    assert len(site.states_of(payer)) == 1


def test_racers_in_different_encodings_are_one_payment(site, upstream, payer, pays):
    payment = pays("/cheap/forms")
    spellings = [payment.fields(form) for form in ("v2", "v1", "plain")] * 8
    answers = race(site.process.address(), [request("GET", "/cheap/forms", fields) for fields in spellings])
    assert sorted(answer.status for answer in answers).count(200) == 1
    assert len(upstream.calls()) == 1


def test_while_one_is_in_flight_the_other_gets_no_offers(site, upstream, payer, pays):
    """A client that is shown an offer signs a second payment; while the first may still serve, it must not."""
    gate = threading.Event()
    upstream.answers["/cheap/slow"] = Answer(gate=gate)
    fields = pays("/cheap/slow").v2_fields()
    with site.connect() as first:
        first.send(request("GET", "/cheap/slow", fields))
        upstream.wait_for_calls(1)
        second = site.fetch("GET", "/cheap/slow", fields)
        assert second.status in REFUSED
        assert second.json()["error"] == "payment_in_flight"
        assert not second.all("PAYMENT-REQUIRED") and "accepts" not in second.json()
        assert second.first("retry-after")
        gate.set()
        assert first.read_response().status == 200
    assert len(upstream.calls()) == 1


def reencodings(payment):
    message = payment.v2()
    swapped = json.loads(json.dumps(message, sort_keys=True))
    swapped["payload"] = dict(reversed(swapped["payload"].items()))
    upper = json.loads(json.dumps(message))
    upper["payload"]["authorization"]["from"] = payment.sender.lower()
    upper["payload"]["authorization"]["nonce"] = "0x" + payment.nonce[2:].upper()
    raw = bytes.fromhex(payment.signature[2:])
    low_v = json.loads(json.dumps(message))
    low_v["payload"]["signature"] = "0x" + (raw[:64] + bytes([raw[64] - 27])).hex()
    extended = message | {"extensions": {"note": {"info": "x"}}, "unknown": [1, 2, 3]}
    return {
        "keys in another order": {"PAYMENT-SIGNATURE": encode(swapped)},
        "white space in the JSON": {"PAYMENT-SIGNATURE": encode(message, indent=2)},
        "url alphabet without padding": {"PAYMENT-SIGNATURE": encode(message, urlsafe=True, padding=False)},
        "raw JSON": {"PAYMENT-SIGNATURE": json.dumps(message)},
        "other case of hex": {"PAYMENT-SIGNATURE": encode(upper)},
        "v as 0 or 1": {"PAYMENT-SIGNATURE": encode(low_v)},
        "unknown keys": {"PAYMENT-SIGNATURE": encode(extended)},
        "version 2 in X-PAYMENT": {"X-PAYMENT": encode(message)},
        "version 1": payment.v1_fields(),
        "version 1 in PAYMENT-SIGNATURE": {"PAYMENT-SIGNATURE": encode(payment.v1())},
        "plain JSON": payment.plain_fields(),
        "plain base64": {"X-Payment": base64.b64encode(json.dumps(payment.plain()).encode()).decode()},
        "both fields": payment.v2_fields() | payment.v1_fields(),
    }


def test_no_encoding_of_a_used_payment_opens_again(site, upstream, payer):
    payment, answer = site.pay(payer, "/cheap/a")
    assert answer.status == 200
    for name, fields in reencodings(payment).items():
        again = site.fetch("GET", "/cheap/a", fields)
        assert again.status in REFUSED, f"{name}: {again.status}"
        assert again.json()["error"] == "payment_already_used", name
    assert len(upstream.calls()) == 1


@pytest.mark.parametrize("name", reencodings(Payer().sign(BASE_SEPOLIA, PAY_TO, 1)))
def test_each_encoding_of_a_fresh_payment_pays(site, upstream, payer, pays, name):
    answer = site.fetch("GET", "/cheap/a", reencodings(pays("/cheap/a"))[name])
    assert answer.status == 200, (name, answer.body)
    assert receipt_of(answer)["success"] is True
    assert len(upstream.calls()) == 1


def test_two_different_payments_in_one_request_are_a_conflict(site, upstream, pays):
    first, second = pays("/cheap/a"), pays("/cheap/a")
    answer = site.fetch("GET", "/cheap/a", first.v2_fields() | second.v1_fields())
    assert answer.status == 400
    repeated = [*first.v2_fields().items(), *second.v2_fields().items()]
    assert site.fetch("GET", "/cheap/a", repeated).status == 400
    assert not upstream.calls()
    assert site.fetch("GET", "/cheap/a", first.v2_fields()).status == 200, "neither was charged"


def test_another_route_of_the_same_price_takes_it_once(site, upstream, pays):
    """The protocol does not bind a payment to a resource; that it opens only one of them is ours to hold."""
    payment = pays("/cheap/a")
    assert site.fetch("GET", "/same/a", payment.v2_fields()).status == 200
    assert site.fetch("GET", "/cheap/a", payment.v2_fields()).status in REFUSED
    assert site.fetch("GET", "/same/b", payment.v2_fields()).status in REFUSED
    assert len(upstream.calls()) == 1


def test_a_head_with_a_payment_uses_it_up(site, upstream, pays):
    payment = pays("/cheap/a")
    answer = site.fetch("HEAD", "/cheap/a", payment.v2_fields())
    assert answer.status == 200 and receipt_of(answer)["success"] is True
    assert site.fetch("GET", "/cheap/a", payment.v2_fields()).status in REFUSED
    assert [call.method for call in upstream.calls()] == ["HEAD"]


def test_a_payment_on_a_free_route_is_neither_used_nor_forwarded(site, upstream, pays):
    payment = pays("/cheap/a")
    answer = site.fetch("GET", "/free/a", payment.v2_fields())
    assert answer.status == 200 and receipt_of(answer) is None
    assert "payment-signature" not in upstream.calls()[0].names()
    assert site.fetch("GET", "/cheap/a", payment.v2_fields()).status == 200


def test_a_restart_does_not_forget(make_site, payer):
    site = make_site([route("GET /paid", "$0.001")])
    payment, answer = site.pay(payer, "/paid")
    assert answer.status == 200
    assert site.stop() == 0
    site.start()
    assert site.fetch("GET", "/paid", payment.v2_fields()).status in REFUSED
    assert len(site.upstream.calls()) == 1
