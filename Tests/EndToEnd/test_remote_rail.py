"""Settlement through another facilitator: a second Farebox, or one that misbehaves."""

import pytest
from kit.payments import BASE_SEPOLIA, receipt_of
from kit.routes import route
from kit.stand_in import JSONService

ROUTES = [route("GET /paid/*", "$0.001"), route("GET /free", "free")]


def remote(url):
    return [{"kind": "remote", "id": "hosted", "networks": ["eip155:*"], "url": url}]


def payer_of(body):
    return body["paymentPayload"]["payload"]["authorization"]["from"]


def settled(transaction):
    return lambda body: {"success": True, "transaction": transaction, "network": BASE_SEPOLIA.network, "payer": payer_of(body)}


@pytest.fixture
def service():
    service = JSONService()
    service.answer("/supported", {"kinds": [
        {"x402Version": 2, "scheme": "exact", "network": BASE_SEPOLIA.network},
        {"x402Version": 1, "scheme": "exact", "network": BASE_SEPOLIA.v1_network}], "extensions": [], "signers": {}})
    service.answer("/verify", lambda body: {"isValid": True, "payer": payer_of(body)})
    service.answer("/settle", settled("0x" + "ab" * 32))
    yield service
    service.stop()


@pytest.fixture
def site(make_site, service):
    return make_site(ROUTES, adapters=remote(service.url))


@pytest.mark.parametrize("form", ["v2", "v1", "plain"])
def test_through_a_second_farebox(make_site, payer, form):
    facilitator = make_site([route("GET /x", "$0.001")], command="facilitator", role="facilitator",
                            facilitator={"listen": "127.0.0.1:0"})
    site = make_site(ROUTES, adapters=remote(facilitator.process.url("facilitator")))
    payment, answer = site.pay(payer, "/paid/a", form=form)
    assert answer.status == 200, answer.body
    assert receipt_of(answer)["success"] is True and receipt_of(answer)["transaction"]
    assert site.fetch("GET", "/paid/a", payment.fields(form)).status in (402, 409)
    assert site.states_of(payer) == [("settled", "delivered")]
    assert [value for value, _ in facilitator.states_of(payer)] == ["settled"]
    assert len(site.upstream.calls()) == 1


def test_a_wrong_payment_is_refused_by_the_second_farebox(make_site, payer):
    facilitator = make_site([route("GET /x", "$0.001")], command="facilitator", role="facilitator",
                            facilitator={"listen": "127.0.0.1:0"})
    site = make_site(ROUTES, adapters=remote(facilitator.process.url("facilitator")))
    payment = payer.pay(site.challenge("/paid/a"))
    answer = site.fetch("GET", "/paid/a", payment.high_s().v2_fields())
    assert answer.status == 402 and answer.json()["error"] == "invalid_exact_evm_payload_signature"
    assert not site.upstream.calls()


@pytest.mark.parametrize("verdict", [
    {"isValid": "true"}, {"isValid": 1}, {}, [], None, b"", b"<html>", (500, {"isValid": True}), (302, {"isValid": True}),
    (200, b"{\"isValid\":true"), {"success": True}, {"valid": True},
])
def test_only_a_clear_yes_is_a_yes(site, service, payer, verdict):
    service.answer("/verify", verdict, fields=(("Location", "/elsewhere"),))
    _, answer = site.pay(payer, "/paid/a")
    assert answer.status in (402, 503), (answer.status, answer.body)
    assert not site.upstream.calls() and not service.calls("/settle") and not service.calls("/elsewhere")


def test_a_clear_no_carries_its_reason(site, service, payer):
    service.answer("/verify", {"isValid": False, "invalidReason": "insufficient_funds", "payer": payer.address})
    _, answer = site.pay(payer, "/paid/a")
    assert answer.status == 402 and answer.json()["error"] == "insufficient_funds"
    assert not site.upstream.calls()


def test_a_refused_settlement_is_released_and_can_be_tried_again(site, service, payer):
    service.answer("/settle", {"success": False, "errorReason": "insufficient_funds", "transaction": "",
                               "network": BASE_SEPOLIA.network})
    payment, answer = site.pay(payer, "/paid/a")
    assert answer.status == 402 and answer.json()["error"] == "insufficient_funds"
    assert receipt_of(answer)["success"] is False
    service.answer("/settle", settled("0x" + "cd" * 32))
    assert site.fetch("GET", "/paid/a", payment.v2_fields()).status == 200


def test_a_yes_for_another_payer_is_no_yes(site, service, payer):
    service.answer("/verify", {"isValid": True, "payer": "0x" + "11" * 20})
    _, answer = site.pay(payer, "/paid/a")
    assert answer.status in (402, 503)
    assert not site.upstream.calls() and not service.calls("/settle")


@pytest.mark.parametrize("outcome", [
    (500, {}), (502, b"<html>"), {}, {"success": "true", "transaction": "0x1", "network": "x"}, b"{",
    {"success": False, "errorReason": "settlement_pending", "transaction": "0x" + "ee" * 32, "network": "eip155:84532"},
])
def test_an_unknown_fate_is_pending_and_offers_nothing(site, service, payer, outcome):
    service.answer("/settle", outcome)
    payment, answer = site.pay(payer, "/paid/a")
    assert answer.status == 402 and answer.json()["error"] == "settlement_pending", answer.body
    assert not answer.all("PAYMENT-REQUIRED") and "accepts" not in answer.json() and answer.first("retry-after")
    assert not site.upstream.calls()
    assert site.states_of(payer) == [("uncertain", "unused")]
    again = site.fetch("GET", "/paid/a", payment.v2_fields())
    assert again.status in (402, 409) and not again.all("PAYMENT-REQUIRED")


def test_an_answer_lost_after_acceptance_is_pending(site, service, payer):
    service.break_off("/settle", times=100)
    _, answer = site.pay(payer, "/paid/a")
    assert answer.status == 402 and answer.json()["error"] == "settlement_pending"
    assert site.states_of(payer) == [("uncertain", "unused")]
    assert not site.upstream.calls()


def test_a_dead_facilitator_fails_closed(site, service, payer):
    payment = payer.pay(site.challenge("/paid/a"))
    service.stop()
    answer = site.fetch("GET", "/paid/a", payment.v2_fields())
    assert answer.status == 503 and answer.first("retry-after")
    assert not site.upstream.calls()
    assert site.fetch("GET", "/free").status == 200


def test_an_oversized_answer_is_cut_off(site, service, payer):
    service.answer("/verify", b'{"isValid":true,"payer":"' + b"x" * 2_000_000 + b'"}')
    _, answer = site.pay(payer, "/paid/a")
    assert answer.status == 503
    assert not site.upstream.calls()
