"""Sellers elsewhere settle on chain through our API, as the official server does: it asks once more when it must."""

import pytest
from chain.shop import SEND
from kit.facilitator import ask, body
from kit.payments import BASE_SEPOLIA
from kit.polling import wait_until
from kit.routes import PAY_TO
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync
from x402.schemas import PaymentPayload, PaymentRequirements

AMOUNT = 10_000


@pytest.fixture
def api(make_shop):
    return make_shop(facilitator={"listen": "127.0.0.1:0"})


def content_of(api, payer, version=2):
    return body(payer.sign(BASE_SEPOLIA, PAY_TO, AMOUNT), version)


def moved(api, payer):
    return [each[:3] for each in api.token.transfers(payer.address)] == [(payer.address, PAY_TO, AMOUNT)]


@pytest.mark.parametrize("version", [1, 2])
def test_a_settled_payment_is_in_the_token_s_events(api, version):
    payer = api.payer()
    status, receipt = ask(api.site, "/settle", content_of(api, payer, version))
    assert status == 200 and receipt["success"] is True and moved(api, payer)
    assert receipt["transaction"] == api.token.transfers(payer.address)[0][3]


def test_what_is_pending_is_asked_for_once_more_and_paid_once(api):
    """The official server calls `/settle` a second time after `settlement_pending`."""
    payer = api.payer()
    content = content_of(api, payer)
    payload = PaymentPayload.model_validate(content["paymentPayload"])
    wanted = PaymentRequirements.model_validate(content["paymentRequirements"])
    api.node.automine(False)
    with HTTPFacilitatorClientSync(FacilitatorConfig(url=api.site.process.url("facilitator"))) as client:
        first = client.settle(payload, wanted)
        assert first.success is False and first.error_reason == "settlement_pending" and first.transaction
        api.node.mine()
        api.node.automine(True)

        def settled():
            answer = client.settle(payload, wanted)
            assert answer.success or answer.error_reason == "settlement_pending", answer
            return answer.success and answer

        second = wait_until(settled, "success")
    assert moved(api, payer) and second.transaction == api.token.transfers(payer.address)[0][3]


@pytest.mark.parametrize("kind", ["drop", "cut", "error_after", "garbage"])
def test_a_broadcast_without_an_answer_is_no_failure(api, kind):
    payer = api.payer()
    content = content_of(api, payer)
    api.fault({"method": SEND, "kind": kind, "times": 1})

    def settled():
        status, receipt = ask(api.site, "/settle", content)
        if receipt.get("success"):
            return receipt
        assert status == 503 or receipt["errorReason"] == "settlement_pending", receipt
        return None

    receipt = wait_until(settled, "success", timeout=20)
    assert moved(api, payer) and receipt["transaction"] == api.token.transfers(payer.address)[0][3]


def test_what_the_paywall_sold_is_not_settled_for_a_seller(api):
    payment = api.sign()
    assert api.present(payment).status == 200
    status, receipt = ask(api.site, "/settle", body(payment))
    assert status == 200 and receipt["success"] is False, receipt
    assert api.moved(payment) == 1


def test_what_a_seller_settled_opens_nothing_here(api):
    payment = api.sign()
    assert ask(api.site, "/settle", body(payment))[1]["success"] is True
    answer = api.present(payment)
    assert answer.status in (402, 409) and not api.upstream.calls()
    assert api.moved(payment) == 1


def test_a_verdict_alone_moves_and_claims_nothing(api):
    payment = api.sign()
    for _ in range(3):
        assert ask(api.site, "/verify", body(payment))[1]["isValid"] is True
    assert api.moved(payment) == 0
    assert api.present(payment).status == 200 and api.moved(payment) == 1
