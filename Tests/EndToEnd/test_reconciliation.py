"""Settlements whose fate was unknown are found out: before the listener opens, and never by asking the payer again."""

import json
import os

import pytest
from kit.payments import BASE_SEPOLIA, encode, receipt_of
from kit.polling import wait_until
from kit.routes import mock_rail, route
from kit.stand_in import JSONService
from kit.wire import request

ASSET = {"id": "usd@bank", "network": "offchain:bank", "address": "USD", "decimals": 2, "peg": "usd"}


@pytest.fixture
def bridge():
    service = JSONService()
    service.answer("/verify", {"valid": True, "payer": "acct_payer"})
    service.answer("/settle", lambda body: {
        "success": True, "payer": "acct_payer", "transaction": "bank-" + body["paymentPayload"]["paymentIntentId"]})
    yield service
    service.stop()


def banked(make_site, bridge, idempotent, settle="before"):
    backend = {"type": "http", "base_url": bridge.url, "timeout_seconds": 2, "idempotent": idempotent}
    rail = {"kind": "offchain", "id": "bank", "networks": ["offchain:bank"], "signers": ["b"], "backend": backend}
    return make_site([route("GET /paid", "$0.05", accepts=["usd@bank"], pay_to="acct", settle=settle)],
                     adapters=[rail, mock_rail(BASE_SEPOLIA)], assets=[ASSET],
                     # At this price newcomers would settle first, whatever the route says.
                     payments={"trust_new_payers": True})


def payment(site):
    offer = site.challenge("/paid").offers[0]
    inner = {"paymentIntentId": "pi_" + os.urandom(8).hex(), "signature": "s"}
    return {"PAYMENT-SIGNATURE": encode({"x402Version": 2, "accepted": offer, "payload": inner})}


def states(site):
    return [(row["value"], row["service"]) for row in site.rows()]


def test_a_lost_answer_is_asked_for_again_where_the_bridge_allows_it(make_site, bridge):
    site = banked(make_site, bridge, idempotent=True)
    bridge.break_off("/settle", times=100)
    fields = payment(site)
    first = site.fetch("GET", "/paid", fields)
    assert first.status == 402 and first.json()["error"] == "settlement_pending"
    assert states(site) == [("uncertain", "unused")]
    assert site.stop() == 0

    bridge.server.answers.pop("/settle")
    bridge.answer("/settle", {"success": True, "payer": "acct_payer", "transaction": "bank-found"})
    site.start()
    wait_until(lambda: states(site)[0][0] == "settled", "settlement found out")
    assert len({call.first("idempotency-key") for call in bridge.calls("/settle")}) == 1
    answer = site.fetch("GET", "/paid", fields)
    assert answer.status == 200 and receipt_of(answer)["transaction"] == "bank-found"
    assert site.fetch("GET", "/paid", fields).status in (402, 409)
    assert len(site.upstream.calls()) == 1


def test_a_refusal_found_out_later_releases_the_payment(make_site, bridge):
    site = banked(make_site, bridge, idempotent=True)
    bridge.break_off("/settle", times=100)
    fields = payment(site)
    assert site.fetch("GET", "/paid", fields).json()["error"] == "settlement_pending"
    assert site.stop() == 0
    bridge.server.answers.pop("/settle")
    bridge.answer("/settle", {"success": False, "reason": "no funds"})
    site.start()
    wait_until(lambda: states(site)[0][0] == "released", "refusal found out")
    assert not site.upstream.calls()


def test_a_bridge_that_is_not_idempotent_is_never_asked_twice(make_site, bridge):
    """Asking again might settle again: only the operator can resolve it."""
    site = banked(make_site, bridge, idempotent=False)
    bridge.break_off("/settle", times=100)
    fields = payment(site)
    assert site.fetch("GET", "/paid", fields).json()["error"] == "settlement_pending"
    asked = len(bridge.calls("/settle"))
    assert asked == 1
    assert site.stop() == 0
    site.start()
    again = site.fetch("GET", "/paid", fields)
    assert again.status in (402, 409) and not again.all("PAYMENT-REQUIRED")
    assert states(site) == [("uncertain", "unused")]
    assert len(bridge.calls("/settle")) == asked
    assert not site.upstream.calls()


def test_killed_during_a_settlement_it_is_uncertain_and_not_run_again(make_site, bridge):
    """The mark is made before the outside effect: whatever the bridge did, the payment opens nothing until it is known."""
    site = banked(make_site, bridge, idempotent=False)
    gate = bridge.hold("/settle")
    fields = payment(site)
    connection = site.connect()
    connection.send(request("GET", "/paid", fields))
    wait_until(lambda: bridge.calls("/settle"), "settlement under way")
    site.process.kill()
    connection.close()
    gate.set()
    site.start()
    assert states(site) == [("uncertain", "unused")]
    assert site.fetch("GET", "/paid", fields).status in (402, 409)
    assert not site.upstream.calls()


def test_under_after_a_lost_answer_withholds_the_response_and_never_runs_again(make_site, bridge):
    site = banked(make_site, bridge, idempotent=False, settle="after")
    bridge.break_off("/settle", times=100)
    fields = payment(site)
    answer = site.fetch("GET", "/paid", fields)
    assert len(site.upstream.calls()) == 1
    if answer.status != 200:
        assert answer.status == 402 and answer.json()["error"] == "settlement_pending", answer.body
    again = site.fetch("GET", "/paid", fields)
    assert again.status in (402, 409)
    assert len(site.upstream.calls()) == 1
    assert json.dumps(site.rows()).count("uncertain") + json.dumps(site.rows()).count("owed") >= 1
