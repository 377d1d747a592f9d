"""Payments that are wrong in one thing are refused with its reason, unused, and never reach the upstream."""

import base64
import json
from dataclasses import replace

import pytest
from kit.payments import ARBITRUM, BASE, BASE_SEPOLIA, Payer, encode, now
from kit.routes import OTHER_PAY_TO, PAY_TO

VALUE = "invalid_exact_evm_payload_authorization_value_mismatch"
RECIPIENT = "invalid_exact_evm_payload_recipient_mismatch"
BEFORE = "invalid_exact_evm_payload_authorization_valid_before"
AFTER = "invalid_exact_evm_payload_authorization_valid_after"
SIGNATURE = "invalid_exact_evm_payload_signature"
BAD_V = "invalid_exact_evm_failed_to_verify_signature"
WALLET = "invalid_exact_evm_payload_undeployed_smart_wallet"
NO_MATCH = "no_matching_payment_requirements"


def refused(site, upstream, fields, *reasons, target="/cheap/a"):
    """The payment gets a 402 with one of the reasons in every form, a failed receipt never looks like a success."""
    answer = site.fetch("GET", target, fields)
    assert answer.status == 402, (answer.status, answer.body)
    error = answer.json()["error"]
    assert error in reasons, error
    assert answer.all("PAYMENT-REQUIRED"), "a refusal repeats the offers"
    assert "no-store" in answer.first("cache-control")
    assert not upstream.calls(), "a refused payment reached the upstream"
    return answer


def signed(payment, form="v2", **changes):
    return replace(payment, **changes).fields(form)


@pytest.mark.parametrize("form", ["v2", "v1", "plain"])
class TestInEveryForm:
    def test_too_little(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        refused(site, upstream, payer.pay(challenge, value=999).fields(form), VALUE)

    def test_too_much(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        refused(site, upstream, payer.pay(challenge, value=1001).fields(form), VALUE)

    def test_another_recipient(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        refused(site, upstream, payer.pay(challenge, to=OTHER_PAY_TO).fields(form), RECIPIENT)

    def test_expired(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        refused(site, upstream, payer.pay(challenge, valid_before=now() - 1).fields(form), BEFORE)

    def test_about_to_expire(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        refused(site, upstream, payer.pay(challenge, valid_before=now() + 3).fields(form), BEFORE)

    def test_not_yet_valid(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        late = payer.pay(challenge, valid_after=now() + 50, valid_before=now() + 120)
        refused(site, upstream, late.fields(form), AFTER)

    def test_valid_for_longer_than_records_are_kept(self, site, upstream, payer, form):
        challenge = site.challenge("/cheap/a")
        refused(site, upstream, payer.pay(challenge, valid_before=now() + 100_000).fields(form), "validity_too_long", BEFORE)

    @pytest.mark.parametrize("changes", [
        {"valid_before": now() + 3000}, {"valid_after": 1}, {"nonce": "0x" + "ab" * 32}, {"sender": Payer().address},
    ], ids=["valid_before", "valid_after", "nonce", "sender"])
    def test_changed_after_signing(self, site, upstream, pays, form, changes):
        refused(site, upstream, signed(pays("/cheap/a"), form, **changes), SIGNATURE)

    def test_a_value_raised_after_signing(self, site, upstream, payer, form):
        """A payment signed for 1 unit that claims the price."""
        cheap = payer.pay(site.challenge("/cheap/a"), value=1)
        refused(site, upstream, signed(cheap, form, value=1000), SIGNATURE)

    def test_mirrored_s(self, site, upstream, pays, form):
        refused(site, upstream, pays("/cheap/a").high_s().fields(form), SIGNATURE)

    def test_a_cheap_payment_on_a_dear_route(self, site, upstream, pays, form):
        refused(site, upstream, pays("/cheap/a").fields(form), VALUE, NO_MATCH, target="/dear/a")

    def test_a_dear_payment_on_a_cheap_route(self, site, upstream, pays, form):
        refused(site, upstream, pays("/dear/a").fields(form), VALUE, NO_MATCH)

    def test_testnet_money_on_a_mainnet_route(self, site, upstream, pays, form):
        payment = pays("/cheap/a")
        refused(site, upstream, payment.fields(form), NO_MATCH, "network_mismatch", target="/base/a")

    def test_testnet_money_that_says_it_is_mainnet_money(self, site, upstream, payer, form):
        offer = site.challenge("/base/a").offers[0]
        forged = payer.sign(BASE_SEPOLIA, PAY_TO, 1000, accepted=offer)
        refused(site, upstream, replace(forged, asset=BASE).fields(form), SIGNATURE, target="/base/a")

    def test_a_domain_with_another_name(self, site, upstream, payer, form):
        payment = payer.sign(BASE_SEPOLIA, PAY_TO, 1000, domain={"name": "USD Coin"})
        refused(site, upstream, payment.fields(form), SIGNATURE)

    def test_a_domain_with_another_contract(self, site, upstream, payer, form):
        payment = payer.sign(BASE_SEPOLIA, PAY_TO, 1000, domain={"verifyingContract": BASE.address})
        refused(site, upstream, payment.fields(form), SIGNATURE)

    @pytest.mark.parametrize("broken", [
        "", "0x", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 32, "0x" + "11" * 66, "0x" + "zz" * 65,
        "0x" + "11" * 64 + "1d", "0x" + "11" * 1000,
    ])
    def test_a_broken_signature(self, site, upstream, pays, form, broken):
        payment = pays("/cheap/a").with_signature(broken)
        refused(site, upstream, payment.fields(form), SIGNATURE, BAD_V, WALLET, "invalid_payload")


@pytest.mark.parametrize("changes", [
    {"amount": "1"}, {"payTo": OTHER_PAY_TO}, {"asset": ARBITRUM.address}, {"network": "eip155:42161"},
    {"scheme": "upto"}, {"extra": {"name": "USDC"}}, {"extra": {"name": "USD Coin", "version": "2"}},
], ids=lambda changes: next(iter(changes)))
def test_the_echo_of_an_offer_that_we_do_not_make(site, upstream, payer, changes):
    """`accepted` is the client's word; only our own offer counts."""
    challenge = site.challenge("/cheap/a")
    payment = payer.pay(challenge, accepted=challenge.offers[0] | changes)
    refused(site, upstream, payment.v2_fields(), NO_MATCH, "network_mismatch", "unsupported_scheme")


def test_the_echo_of_a_cheaper_offer_signed_for_that_price(site, upstream, payer):
    """Everything consistent, and wrong: what the client says it accepted, and signed, is the price of another route."""
    cheap = site.challenge("/cheap/a").offers[0]
    payment = payer.sign(BASE_SEPOLIA, PAY_TO, 1000, accepted=cheap)
    refused(site, upstream, payment.v2_fields(), NO_MATCH, VALUE, target="/dear/a")


def test_addresses_match_in_any_case(site, upstream, payer):
    challenge = site.challenge("/cheap/a")
    offer = challenge.offers[0]
    lower = offer | {"asset": offer["asset"].lower(), "payTo": offer["payTo"].lower()}
    assert site.fetch("GET", "/cheap/a", payer.pay(challenge, accepted=lower).v2_fields()).status == 200


def test_extra_may_hold_more_than_we_offered(site, upstream, payer):
    challenge = site.challenge("/cheap/a")
    offer = challenge.offers[0]
    wider = offer | {"extra": offer["extra"] | {"assetTransferMethod": "eip3009"}}
    assert site.fetch("GET", "/cheap/a", payer.pay(challenge, accepted=wider).v2_fields()).status == 200


def test_a_plain_payment_without_chain_pays_where_one_entry_is_offered(site, upstream, pays):
    bare = pays("/cheap/a").plain()
    del bare["chain"], bare["asset"]
    assert site.fetch("GET", "/cheap/a", {"X-Payment": json.dumps(bare)}).status == 200


def test_a_plain_payment_without_chain_is_not_guessed_where_two_are_offered(site, upstream, pays):
    bare = pays("/both/a").plain()
    del bare["chain"], bare["asset"]
    answer = site.fetch("GET", "/both/a", {"X-Payment": json.dumps(bare)})
    assert answer.status == 402 and not upstream.calls()


NOT_PAYMENTS = {
    "empty": "", "a word": "hello", "an empty object": "e30=", "null": encode(None), "a list": encode([]),
    "a number": encode(1), "cut base64": "eyJ4NDAyVmVyc2lvbiI6Mg", "bad padding": "e30===", "controls": "eyJ4IjoxfQ==\x01",
    "mixed alphabets": "-+_/", "version 3": encode({"x402Version": 3, "accepted": {}, "payload": {}}),
    "deep": base64.b64encode(b'{"x402Version":2,"payload":' + b"[" * 3000 + b"]" * 3000 + b"}").decode(),
    "duplicate keys": base64.b64encode(b'{"x402Version":2,"x402Version":1,"payload":{},"accepted":{}}').decode(),
    "broken UTF-8": base64.b64encode(b'{"x402Version":2,"a":"\xff\xfe"}').decode(),
    "trailing bytes": base64.b64encode(b'{"x402Version":2} {}').decode(),
    "a huge exponent": base64.b64encode(b'{"x402Version":1e999999999}').decode(),
}


@pytest.mark.parametrize("name", NOT_PAYMENTS)
@pytest.mark.parametrize("field", ["PAYMENT-SIGNATURE", "X-PAYMENT"])
def test_what_is_not_a_payment_is_told_the_price_again(site, upstream, name, field):
    answer = site.fetch("GET", "/cheap/a", {field: NOT_PAYMENTS[name]})
    if name == "controls":
        assert answer.status == 400
    elif name == "empty":
        assert answer.status == 402
    else:
        assert answer.status == 402, (answer.status, answer.body)
        assert answer.json()["error"] in ("invalid_payload", "invalid_x402_version"), answer.json()
    assert not upstream.calls()


@pytest.mark.parametrize("number", ["0x3e8", "1e3", "1000.0", " 1000", "+1000", "01000", "1_000", "-1", "", str(2**256 + 1000)])
def test_amounts_are_strict_decimals(site, upstream, pays, number):
    message = pays("/cheap/a").v2()
    message["payload"]["authorization"]["value"] = number
    refused(site, upstream, {"PAYMENT-SIGNATURE": encode(message)}, "invalid_payload", VALUE, BAD_V)


def test_a_refused_payment_is_still_good_where_it_belongs(site, upstream, pays):
    """A forged or misplaced payment must not lock out the true one: claims come after verification."""
    payment = pays("/cheap/a")
    for forged in (payment.high_s(), payment.with_signature("0x" + "11" * 65), replace(payment, value=999)):
        assert site.fetch("GET", "/cheap/a", forged.v2_fields()).status == 402
    assert site.fetch("GET", "/dear/a", payment.v2_fields()).status == 402
    assert site.fetch("GET", "/cheap/a", payment.v2_fields()).status == 200
    assert len(upstream.calls()) == 1


def test_an_oversized_payment_is_cut_off_by_the_head_limit(site, upstream):
    answer = site.fetch("GET", "/cheap/a", {"PAYMENT-SIGNATURE": "A" * 17_000})
    assert answer.status == 431 and not upstream.calls()
