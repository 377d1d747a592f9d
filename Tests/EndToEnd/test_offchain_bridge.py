"""Payments of a network that is no chain go through an HTTP bridge: strictly read, keyed, asked once."""

import json
import os

import pytest
from kit.payments import BASE_SEPOLIA, encode, receipt_of
from kit.polling import wait_until
from kit.routes import mock_rail, route
from kit.stand_in import JSONService

KEY = "bridge-key-of-this-test"
ROUTES = [route("GET /paid/*", "$0.05", accepts=["usd@bank"], pay_to="acct_merchant"), route("GET /free", "free")]


@pytest.fixture
def bridge():
    service = JSONService()
    service.answer("/verify", {"valid": True, "payer": "acct_payer"})
    service.answer("/settle", lambda body: {
        "success": True, "payer": "acct_payer", "transaction": "bank-" + body["paymentPayload"]["paymentIntentId"]})
    yield service
    service.stop()


@pytest.fixture
def site(make_site, bridge):
    rail = {
        "kind": "offchain", "id": "bank-bridge", "networks": ["offchain:bank"], "signers": ["bank-facilitator"],
        "backend": {"type": "http", "base_url": bridge.url, "verify_path": "/verify", "settle_path": "/settle",
                    "api_key_env": "TEST_BRIDGE_KEY", "timeout_seconds": 2},
    }
    asset = {"id": "usd@bank", "network": "offchain:bank", "address": "USD", "decimals": 2, "peg": "usd"}
    site = make_site(ROUTES, adapters=[rail, mock_rail(BASE_SEPOLIA)], assets=[asset], env={"TEST_BRIDGE_KEY": KEY})
    site.process.secrets.append(KEY)
    return site


def paying(site, target="/paid/a", **payload):
    """The fields of a version 2 payment with an inner payload of the bank's."""
    offer = site.challenge(target).offers[0]
    inner = {"paymentIntentId": "pi_" + os.urandom(8).hex(), "signature": "bank-signature"} | payload
    return {"PAYMENT-SIGNATURE": encode({"x402Version": 2, "accepted": offer, "payload": inner})}, inner


def test_it_is_offered_in_version_2_only(site):
    challenge = site.challenge("/paid/a")
    (offer,) = challenge.offers
    assert (offer["network"], offer["asset"], offer["amount"], offer["payTo"]) == ("offchain:bank", "USD", "5", "acct_merchant")
    assert "accepts" not in challenge.v1 and challenge.plain is None


def test_it_pays(site, bridge):
    fields, inner = paying(site)
    answer = site.fetch("GET", "/paid/a", fields)
    assert answer.status == 200, answer.body
    receipt = receipt_of(answer)
    assert receipt["success"] is True and receipt["network"] == "offchain:bank"
    assert receipt["transaction"] == "bank-" + inner["paymentIntentId"] and receipt["payer"] == "acct_payer"
    verify, settle = bridge.calls()
    for call in (verify, settle):
        content = json.loads(call.body)
        assert set(content) == {"network", "paymentPayload", "paymentRequirements"}
        assert content["network"] == "offchain:bank"
        assert content["paymentPayload"] == inner, "the inner payload, as LedgerFlow sends it"
        assert content["paymentRequirements"]["amount"] == "5"
        assert KEY in str(call.fields)
    assert settle.first("idempotency-key")
    row = [row for row in site.rows() if "acct_payer" in json.dumps(row)]
    assert settle.first("idempotency-key") in json.dumps(row), "the key is the ledger's id"


def test_it_is_used_once_whatever_is_varied(site, bridge):
    fields, inner = paying(site)
    assert site.fetch("GET", "/paid/a", fields).status == 200
    for changes in ({}, {"junk": "1"}, {"memo": os.urandom(4).hex()}):
        varied, _ = paying(site, **inner | changes)
        assert site.fetch("GET", "/paid/a", varied).status in (402, 409), changes
    assert len(site.upstream.calls()) == 1
    assert len(bridge.calls("/settle")) == 1


def test_a_transaction_is_never_accepted_twice(site, bridge):
    bridge.answer("/settle", {"success": True, "payer": "acct_payer", "transaction": "bank-same"})
    assert site.fetch("GET", "/paid/a", paying(site)[0]).status == 200
    assert site.fetch("GET", "/paid/b", paying(site)[0]).status != 200
    assert len(site.upstream.calls()) == 1


@pytest.mark.parametrize("verdict", [
    {"valid": False, "reason": "no such intent"}, {"valid": "true", "payer": "a"}, {"valid": 1, "payer": "a"}, {}, [], None, "yes",
    {"isValid": True, "payer": "a"}, b"", b"<html>", (500, {"valid": True, "payer": "a"}), (302, {"valid": True, "payer": "a"}),
    (404, {"valid": True, "payer": "a"}), (201, b"{\"valid\":true"), b'{"valid":true,"valid":false,"payer":"a"}',
])
def test_only_a_clear_yes_is_a_yes(site, bridge, verdict):
    bridge.answer("/verify", verdict, fields=(("Location", "/elsewhere"),))
    fields, _ = paying(site)
    answer = site.fetch("GET", "/paid/a", fields)
    clear_no = isinstance(verdict, dict) and verdict.get("valid") is False
    assert answer.status == 402 if clear_no else answer.status in (402, 503), (answer.status, answer.body)
    assert not site.upstream.calls() and not bridge.calls("/settle") and not bridge.calls("/elsewhere")


@pytest.mark.parametrize("verdict", [{"success": False, "reason": "insufficient funds"}])
def test_a_refused_settlement_releases_the_payment(site, bridge, verdict):
    fields, inner = paying(site)
    bridge.answer("/settle", verdict)
    answer = site.fetch("GET", "/paid/a", fields)
    assert answer.status == 402 and receipt_of(answer)["success"] is False
    assert not site.upstream.calls()
    bridge.answer("/settle", {"success": True, "payer": "acct_payer", "transaction": "bank-later"})
    assert site.fetch("GET", "/paid/a", fields).status == 200


@pytest.mark.parametrize("outcome", [(500, {}), b"<html>", {}, {"success": "true", "transaction": "x"}, {"success": True}])
def test_an_unclear_settlement_is_pending_and_offers_nothing(site, bridge, outcome):
    """Money may have moved: the client must not be invited to pay again, and the payment is not released."""
    bridge.answer("/settle", outcome)
    fields, _ = paying(site)
    answer = site.fetch("GET", "/paid/a", fields)
    assert answer.status == 402 and answer.json()["error"] == "settlement_pending", answer.body
    assert not answer.all("PAYMENT-REQUIRED") and "accepts" not in answer.json()
    assert answer.first("retry-after")
    assert not site.upstream.calls()
    wait_until(lambda: "uncertain" in json.dumps(site.rows()), "the mark in the ledger")
    again = site.fetch("GET", "/paid/a", fields)
    assert again.status in (402, 409) and not again.all("PAYMENT-REQUIRED")
    assert not site.upstream.calls()


def test_a_bridge_that_answers_too_late_leaves_the_settlement_pending(site, bridge):
    gate = bridge.hold("/settle")
    fields, _ = paying(site)
    answer = site.fetch("GET", "/paid/a", fields)
    gate.set()
    assert answer.status == 402 and answer.json()["error"] == "settlement_pending"
    keys = {call.first("idempotency-key") for call in bridge.calls("/settle")}
    assert len(keys) == 1, "whatever is repeated carries the same key"


def test_a_dead_bridge_fails_closed(site, bridge):
    fields, _ = paying(site)
    bridge.stop()
    answer = site.fetch("GET", "/paid/a", fields)
    assert answer.status == 503 and answer.first("retry-after")
    assert not site.upstream.calls()
    assert site.fetch("GET", "/free").status == 200, "free routes go on"


def test_the_mock_backend_asks_for_what_the_bank_would(make_site):
    rail = {"kind": "offchain", "id": "bank-mock", "networks": ["offchain:bank"],
            "backend": {"type": "mock", "payer": "acct_demo", "transaction_prefix": "demo-"}}
    asset = {"id": "usd@bank", "network": "offchain:bank", "address": "USD", "decimals": 2, "peg": "usd"}
    site = make_site(ROUTES, adapters=[rail, mock_rail(BASE_SEPOLIA)], assets=[asset])
    offer = site.challenge("/paid/a").offers[0]
    for inner in ({}, {"signature": ""}, {"paymentIntentId": ""}, {"junk": "x"}):
        fields = {"PAYMENT-SIGNATURE": encode({"x402Version": 2, "accepted": offer, "payload": inner})}
        assert site.fetch("GET", "/paid/a", fields).status == 402, inner
    fields, _ = paying(site)
    answer = site.fetch("GET", "/paid/a", fields)
    assert answer.status == 200, answer.body
    assert receipt_of(answer)["transaction"].startswith("demo-")
    assert site.fetch("GET", "/paid/a", fields).status in (402, 409)
