"""Ours and the official Python facilitator judge the same payments over Permit2 on the same chain.

A row names what is wrong with a payment, what the official one says, and what ours says where that is another thing.
"""

import pytest
from chain.contracts import NotToBeHad
from chain.peer import RECEIPT_SECONDS, Verdict
from chain.permits import EXACT_PROXY, UPTO_PROXY, approve, cancel, offer_of, permit_genesis, sign
from chain.rail import SIGNER, rpc_rail, signer_environment
from chain.tokens import Wallet, canonical_chain
from kit.facilitator import ask
from kit.payments import BASE_SEPOLIA, Payer, now
from kit.routes import OTHER_PAY_TO, PAY_TO, route
from x402 import x402FacilitatorSync
from x402.mechanisms.evm.exact.register import register_exact_evm_facilitator
from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
from x402.mechanisms.evm.upto.facilitator import UptoEvmScheme
from x402.schemas import PaymentPayload, PaymentRequirements

PRICE = 10_000
SCHEMES = ("exact", "upto")
EXPIRED, EARLY, SIGNATURE = "permit2_deadline_expired", "permit2_not_yet_valid", "invalid_permit2_signature"
REFUSED_WHOLE = "invalid_payload"


class Bench:
    """A chain with payers of every kind, and both facilitators on it with one key, so that both may settle."""

    def __init__(self, module_site):
        self.node, self.usdc = canonical_chain(alloc=permit_genesis())
        self.facilitator = self.node.account(SIGNER)
        self.rich, self.poor, self.stingy, self.spent, self.owner = (Payer() for _ in range(5))
        self.wallet = Wallet(self.node, self.owner)
        self.usdc.fund(self.rich, self.stingy, self.spent, self.wallet)
        approve(self.usdc, self.rich, self.poor)
        approve(self.usdc, self.stingy, amount=PRICE - 1)
        approve(self.usdc, self.spent)
        signer = FacilitatorWeb3Signer(
            self.facilitator.key, self.node.url, confirmation_timeout_seconds=RECEIPT_SECONDS)
        self.official = x402FacilitatorSync()
        register_exact_evm_facilitator(self.official, signer, networks=BASE_SEPOLIA.network)
        self.official.register([BASE_SEPOLIA.network], UptoEvmScheme(signer))
        self.ours = module_site(
            [route("GET /x", "$0.01")], env=signer_environment(self.node),
            adapters=[rpc_rail(self.node, scheme=list(SCHEMES))], facilitator={"listen": "127.0.0.1:0"})

    def offer(self, scheme, to=PAY_TO):
        return offer_of(BASE_SEPOLIA, scheme, PRICE, to, self.facilitator.address if scheme == "upto" else None)

    def verdicts(self, content):
        """(the official one's, ours)"""
        try:
            answer = self.official.verify(
                PaymentPayload.model_validate(content["paymentPayload"]),
                PaymentRequirements.model_validate(content["paymentRequirements"]))
            official = Verdict(answer.is_valid, answer.invalid_reason)
        except Exception as error:
            official = Verdict(False, f"raises {type(error).__name__}")
        status, answer = ask(self.ours, "/verify", content)
        assert status == 200, answer
        return str(official), str(Verdict.of(answer))


@pytest.fixture(scope="module")
def bench(module_site):
    try:
        bench = Bench(module_site)
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    yield bench
    bench.node.stop()


def signed(payer="rich", **changes):
    """Signs with `changes`; one that is a function is asked when the payment is made, long after the file was read."""
    def make(bench, scheme):
        current = {name: value() if callable(value) else value for name, value in changes.items()}
        return sign(getattr(bench, payer), bench.offer(scheme), **current).body()

    return make


def body_with(path, value):
    """A good payment, whose body is then changed."""
    def make(bench, scheme):
        content = sign(bench.rich, bench.offer(scheme)).body()
        *names, last = path.split(".")
        part = content
        for name in names:
            part = part[name]
        part[last] = value
        return content

    return make


def used(bench, scheme):
    payment = sign(bench.spent, bench.offer(scheme))
    cancel(bench.node, bench.spent, payment)
    return payment.body()


def of_wallet(bench, scheme):
    return sign(bench.owner, bench.offer(scheme), sender=bench.wallet.address).body()


def mirrored(bench, scheme):
    payment = sign(bench.rich, bench.offer(scheme))
    raw = bytes.fromhex(payment.signature[2:])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    other = raw[:32] + (order - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big") + bytes([55 - raw[64]])
    return payment.with_signature("0x" + other.hex()).body()


PERMIT = "paymentPayload.payload.permit2Authorization"
CASES = {
    "a good payment": (signed(), "valid"),
    "a number with leading zeros": (body_with(PERMIT + ".deadline", "0" + str(2**31)), None, REFUSED_WHOLE),
    "another spender": (signed(spender=OTHER_PAY_TO), "invalid_permit2_spender"),
    "another recipient": (signed(to=OTHER_PAY_TO), "invalid_permit2_recipient_mismatch"),
    "too late": (signed(deadline=lambda: now() - 5), EXPIRED),
    "about to be late": (signed(deadline=lambda: now() + 2), EXPIRED),
    "too early": (signed(valid_after=lambda: now() + 600), EARLY),
    "less": (signed(amount=PRICE - 1), "permit2_amount_mismatch"),
    "more": (signed(amount=PRICE + 1), "permit2_amount_mismatch"),
    "another token": (signed(token=OTHER_PAY_TO), "permit2_token_mismatch"),
    "signed for another chain": (signed(chain_id=1), SIGNATURE),
    "signed for another Permit2": (signed(verifying_contract=EXACT_PROXY), SIGNATURE),
    "signed for another spender": (signed(signed={"spender": OTHER_PAY_TO}), SIGNATURE),
    "signed for another nonce": (signed(signed={"nonce": 1}), SIGNATURE),
    "signed by another": (signed("poor", sender=PAY_TO), SIGNATURE),
    "no signature": (body_with("paymentPayload.payload.signature", ""), None, REFUSED_WHOLE),
    "a signature of no bytes": (body_with("paymentPayload.payload.signature", "0x"), SIGNATURE),
    "a short signature": (body_with("paymentPayload.payload.signature", "0x" + "11" * 64), SIGNATURE),
    "a payer without money": (
        signed("poor"), {"exact": "invalid_exact_evm_insufficient_balance", "upto": "permit2_insufficient_balance"}),
    "a payer who allowed too little": (signed("stingy"), "permit2_allowance_required"),
    "another network in the echo": (
        body_with("paymentPayload.accepted.network", "eip155:8453"),
        {"exact": "network_mismatch", "upto": "invalid_upto_evm_network_mismatch"}),
    "no permit in the payload": (body_with("paymentPayload.payload", {"signature": "0x"}),
                                 {"exact": None, "upto": "unsupported_payload_type"},
                                 {"exact": "invalid_payload", "upto": "unsupported_payload_type"}),
    # The chain would refuse these; the official one leaves it to the chain under exact.
    "a nonce that is used": (used, {"exact": "valid", "upto": "invalid_upto_evm_transaction_failed"},
                             "permit2_invalid_nonce"),
    "a contract wallet that has not approved": (of_wallet, "permit2_allowance_required"),
    "s in the upper half": (mirrored, None, SIGNATURE),
    "valid for a year": (signed(deadline=lambda: now() + 365 * 86_400), "valid", "validity_too_long"),
    "accepted another amount than offered": (
        body_with("paymentPayload.accepted.amount", "1"), "valid", "invalid_payment_requirements"),
}


def of(scheme, verdict):
    return verdict[scheme] if isinstance(verdict, dict) else verdict


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", CASES)
def test_both_say_the_same_or_it_is_argued(bench, scheme, name):
    make, expected, *argued = CASES[name]
    official, ours = bench.verdicts(make(bench, scheme))
    if of(scheme, expected) is not None:
        assert official == of(scheme, expected)
    assert ours == of(scheme, argued[0] if argued else expected)
    if argued and isinstance(argued[0], str):
        assert official != ours, "an argument for nothing"


def test_a_facilitator_of_another_s_is_refused_by_both(bench):
    content = sign(bench.rich, bench.offer("upto"), facilitator=OTHER_PAY_TO).body()
    assert bench.verdicts(content) == ("upto_facilitator_mismatch",) * 2


@pytest.mark.parametrize("scheme, official", [("exact", "invalid_permit2_spender"), ("upto", "unsupported_payload_type")])
def test_a_permit_of_the_other_scheme_is_refused_by_both(bench, scheme, official):
    other = "exact" if scheme == "upto" else "upto"
    content = sign(bench.rich, bench.offer(other)).body(scheme=scheme)
    content["paymentPayload"]["accepted"]["scheme"] = scheme
    assert bench.verdicts(content) == (official, "invalid_permit2_spender")


@pytest.mark.parametrize("scheme, spender", [("exact", EXACT_PROXY), ("upto", UPTO_PROXY)])
def test_what_both_call_good_is_settled_by_ours(bench, scheme, spender):
    content = sign(bench.rich, bench.offer(scheme)).body()
    assert bench.verdicts(content) == ("valid", "valid")
    status, receipt = ask(bench.ours, "/settle", content)
    assert status == 200 and receipt["success"] is True, receipt
    assert bench.node.transaction(receipt["transaction"])["to"].lower() == spender.lower()
    assert bench.usdc.transfers(bench.rich.address, PAY_TO)[-1][2:] == (PRICE, receipt["transaction"])
