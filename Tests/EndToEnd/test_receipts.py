"""Receipts go out in the form the payment came in, and every payment can be asked about afterwards."""

import pytest
from kit.payments import BASE_SEPOLIA, decode, encode, receipt_of
from kit.routes import PAY_TO, route

WELL_KNOWN = "/.well-known/x402/payments/"


@pytest.mark.parametrize("form, field, network", [
    ("v2", "PAYMENT-RESPONSE", "eip155:84532"), ("v1", "X-PAYMENT-RESPONSE", "base-sepolia"),
    ("plain", "X-PAYMENT-RESPONSE", "eip155:84532"),
])
@pytest.mark.parametrize("target", ["/cheap/a", "/after/a"])
def test_each_form_has_its_receipt(site, upstream, payer, form, field, network, target):
    payment, answer = site.pay(payer, target, form=form)
    assert answer.status == 200, answer.body
    others = {"PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"} - {field}
    assert len(answer.all(field)) == 1 and not any(answer.all(name) for name in others)
    receipt = decode(answer.first(field))
    assert receipt["success"] is True and receipt["network"] == network
    assert receipt["payer"].lower() == payment.sender.lower()
    assert isinstance(receipt["transaction"], str) and receipt["transaction"]
    assert None not in receipt.values()


def test_version_1_content_in_the_version_2_field_is_answered_as_version_1(site, upstream, pays):
    payment = pays("/cheap/a")
    answer = site.fetch("GET", "/cheap/a", {"PAYMENT-SIGNATURE": encode(payment.v1())})
    assert answer.status == 200
    assert answer.first("X-PAYMENT-RESPONSE") and not answer.first("PAYMENT-RESPONSE")


def payment_id(site, payer):
    """The ledger's public id of a payer's one payment."""
    (row,) = site.rows_of(payer)
    return row["payment"]


def test_a_payment_can_be_asked_about(site, upstream, payer):
    _, answer = site.pay(payer, "/cheap/a")
    state = site.fetch("GET", WELL_KNOWN + payment_id(site, payer))
    assert state.status == 200
    assert "no-store" in state.first("cache-control")
    text = state.body.decode()
    assert "settled" in text and receipt_of(answer)["transaction"] in text
    assert len(upstream.calls()) == 1, "it is ours to answer"


@pytest.mark.parametrize("unknown", ["nothing", "0", "../x", "a" * 64, "%00"])
def test_an_unknown_payment_is_not_found(site, upstream, unknown):
    assert site.fetch("GET", WELL_KNOWN + unknown).status in (400, 404)
    assert not upstream.calls()


def test_the_state_of_a_payment_tells_no_secret(site, upstream, payer):
    payment, _ = site.pay(payer, "/cheap/a")
    text = site.fetch("GET", WELL_KNOWN + payment_id(site, payer)).body.decode()
    assert payment.signature[2:] not in text and payment.nonce[2:] not in text


def test_a_failed_settlement_has_a_failed_receipt(site, upstream, payer, pays):
    payment, _ = site.pay(payer, "/cheap/a")
    again = site.fetch("GET", "/cheap/a", payment.v2_fields())
    receipt = receipt_of(again)
    assert receipt is None or receipt["success"] is False


def test_rows_tell_what_was_paid(site, upstream, payer):
    _, answer = site.pay(payer, "/dear/a")
    (row,) = site.rows_of(payer)
    assert (row["amount"], row["asset"], row["network"]) == ("500000", BASE_SEPOLIA.address, BASE_SEPOLIA.network)
    assert row["payTo"] == PAY_TO and row["transaction"] == receipt_of(answer)["transaction"]
    assert row["route"] == "GET,POST /dear/*" and row["method"] == "GET" and row["timing"] == "before"


def test_an_upstream_that_is_charged_after_shows_its_answer_only_when_settled(make_site, payer):
    """Under `after` the head waits for the settlement: the receipt is in it."""
    site = make_site([route("GET /a", "$0.001", settle="after")])
    _, answer = site.pay(payer, "/a")
    assert answer.status == 200 and receipt_of(answer)["transaction"]
    assert site.states_of(payer) == [("settled", "delivered")]
