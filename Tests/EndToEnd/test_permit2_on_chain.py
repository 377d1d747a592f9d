"""Exact over Permit2 and upto: the official client pays through the paywall, sellers settle, and fates are the chain's."""

import pytest
from chain.contracts import NotToBeHad
from chain.permits import EXACT_PROXY, UPTO_PROXY, approve, cancel, offer_of, permit_genesis, sign
from chain.rail import rpc_rail, signer_environment
from chain.shop import LISTENERS, SEND, Shop
from chain.tokens import canonical_chain, vyper_token
from kit import farebox, official
from kit.facilitator import ask
from kit.payments import BASE_SEPOLIA, Challenge, Payer, now
from kit.polling import wait_until
from kit.routes import PAY_TO, route
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync
from x402.schemas import PaymentPayload, PaymentRequirements

PLAIN, UPTO, AFTER, BATCH = "/plain/x", "/upto/x", "/after/x", "/batch/x"
PRICE = 5_000
BOTH = ["exact", "upto"]


def routes(plain):
    upto = ["upto usdc@base-sepolia"]
    return [
        route("GET /plain/*", f"{PRICE} {plain}", accepts=[plain]),
        route("GET /upto/*", "$0.005", accepts=upto),
        route("GET /after/*", f"{PRICE} {plain}, $0.005", accepts=[plain, *upto], settle="after"),
        route("GET /batch/*", f"{PRICE} {plain}", accepts=[plain], settle="batch"),
    ]


class Market:
    """A chain with USDC, a token that is spent through Permit2 only, and the contracts that spend."""

    def __init__(self):
        self.node, self.usdc = canonical_chain(alloc=permit_genesis(), listeners=LISTENERS)
        self.plain = vyper_token(self.node, "Plain Dollar")
        self.beginning = self.node.snapshot()

    def again(self):
        """The chain as it was at first."""
        self.node.heal()
        self.node.automine(True)
        self.node.revert(self.beginning)
        self.beginning = self.node.snapshot()
        return self

    def payer(self, amount=1_000_000, approved=True):
        payer = Payer()
        for token in (self.usdc, self.plain):
            token.fund(payer, amount=amount)
        if approved:
            for token in (self.usdc, self.plain):
                approve(token, payer)
        return payer


@pytest.fixture(scope="module")
def chain():
    try:
        market = Market()
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    yield market
    market.node.stop()


@pytest.fixture
def market(chain):
    return chain.again()


@pytest.fixture
def shop(market, make_site):
    asset = market.plain.asset
    return Shop(
        market.usdc, make_site, rail={"scheme": BOTH}, routes=routes(asset.catalogue_id),
        facilitator={"listen": "127.0.0.1:0"}, assets=[{
            "id": asset.catalogue_id, "network": asset.network, "address": asset.address, "decimals": 6,
            "transfer": "permit2", "peg": "usd"}])


def token_of(market, target):
    return market.usdc if target == UPTO else market.plain


def offer(shop, target, index=0):
    return Challenge(shop.site.fetch("GET", target)).offers[index]


# What is offered.

def test_offers_name_the_method_and_who_settles(shop, market):
    plain, upto = offer(shop, PLAIN), offer(shop, UPTO)
    assert plain["scheme"] == "exact" and plain["extra"] == {"assetTransferMethod": "permit2"}
    assert upto["scheme"] == "upto" and upto["extra"] == {
        "name": "USDC", "version": "2", "assetTransferMethod": "permit2", "facilitatorAddress": shop.signer.address}
    assert "accepts" not in shop.site.fetch("GET", PLAIN).json(), "version 1 cannot say it"


def test_the_list_of_kinds_names_the_facilitator(shop):
    with HTTPFacilitatorClientSync(FacilitatorConfig(url=shop.site.process.url("facilitator"))) as client:
        kinds = client.get_supported().kinds
    upto = [kind for kind in kinds if kind.scheme == "upto"]
    assert [(kind.x402_version, kind.extra) for kind in upto] == [(2, {"facilitatorAddress": shop.signer.address})]
    assert {kind.x402_version for kind in kinds if kind.scheme == "exact"} == {1, 2}


# The official client pays.

@pytest.mark.parametrize("target", [PLAIN, UPTO, AFTER])
def test_the_official_client_pays(shop, market, target):
    payer = market.payer()
    session = official.permit_session(payer, any_token=True)
    answer = session.get(shop.site.process.url() + target)
    assert answer.status_code == 200, answer.text
    receipt = official.receipt(answer)
    assert receipt["success"] is True and receipt["payer"] == payer.address
    assert receipt.get("amount") == (str(PRICE) if target == UPTO else None)
    moved = token_of(market, target).transfers(payer.address, PAY_TO)
    assert moved == [(payer.address, PAY_TO, PRICE, receipt["transaction"])]
    assert shop.site.states_of(payer) == [("settled", "delivered")]
    assert len(shop.upstream.calls()) == 1


def test_upto_is_paid_with_the_client_s_own_limits(shop, market):
    payer = market.payer()
    answer = official.permit_session(payer).get(shop.site.process.url() + UPTO)
    assert answer.status_code == 200, answer.text


def test_in_a_batch_each_goes_by_itself(shop, market):
    payers = [market.payer() for _ in range(3)]
    for payer in payers:
        session = official.permit_session(payer, any_token=True)
        assert session.get(shop.site.process.url() + BATCH).status_code == 200
    wait_until(lambda: len(market.plain.transfers(to=PAY_TO)) == 3, "the settlements")
    moved = market.plain.transfers(to=PAY_TO)
    assert sorted(each[:3] for each in moved) == sorted((payer.address, PAY_TO, PRICE) for payer in payers)
    assert len({each[3] for each in moved}) == 3
    for payer in payers:
        wait_until(lambda payer=payer: shop.site.states_of(payer) == [("settled", "delivered")], "the record")


# What is refused.

def test_a_payer_who_has_not_approved_is_told_so(shop, market):
    payer = market.payer(approved=False)
    answer = shop.present(sign(payer, offer(shop, PLAIN)), PLAIN)
    assert answer.status == 402 and answer.json()["error"] == "permit2_allowance_required"
    approve(market.plain, payer)
    assert shop.present(sign(payer, offer(shop, PLAIN)), PLAIN).status == 200


@pytest.mark.parametrize("target", [PLAIN, UPTO])
def test_a_permit_opens_one_answer(shop, market, target):
    payment = sign(market.payer(), offer(shop, target))
    assert shop.present(payment, target).status == 200
    again = shop.present(payment, target)
    assert again.status == 402 and again.json()["error"] == "payment_already_used", again.json()
    assert len(shop.upstream.calls()) == 1 and payment.is_used(market.node)


def test_a_transfer_does_not_pay_an_offer_of_permit2(shop, market):
    payer = market.payer()
    wanted = offer(shop, PLAIN)
    payment = payer.sign(market.plain.asset, PAY_TO, PRICE, accepted=wanted)
    answer = shop.present(payment, PLAIN)
    assert answer.status == 402 and answer.json()["error"] in ("invalid_payment_requirements", "missing_eip712_domain")
    assert not shop.upstream.calls()


def test_a_nonce_is_spent_across_tokens_and_schemes(shop, market):
    payer = market.payer()
    first = sign(payer, offer(shop, PLAIN))
    assert shop.present(first, PLAIN).status == 200
    second = sign(payer, offer(shop, UPTO), nonce=first.nonce)
    answer = shop.present(second, UPTO)
    assert answer.status == 402 and answer.json()["error"] == "payment_already_used"
    assert len(shop.upstream.calls()) == 1


# Sellers elsewhere.

@pytest.fixture
def terms(shop):
    return offer_of(BASE_SEPOLIA, "upto", 10_000, PAY_TO, shop.signer.address)


@pytest.mark.parametrize("charge", [1, 2_500, 10_000])
def test_a_seller_settles_what_was_used(shop, market, terms, charge):
    payer = market.payer()
    payment = sign(payer, terms)
    with HTTPFacilitatorClientSync(FacilitatorConfig(url=shop.site.process.url("facilitator"))) as client:
        payload = PaymentPayload.model_validate(payment.v2())
        wanted = PaymentRequirements.model_validate(terms)
        assert client.verify(payload, wanted).is_valid is True
        receipt = client.settle(payload, wanted.model_copy(update={"amount": str(charge)}))
    assert receipt.success is True and receipt.amount == str(charge), receipt
    assert market.usdc.transfers(payer.address, PAY_TO) == [(payer.address, PAY_TO, charge, receipt.transaction)]
    (row,) = shop.site.rows("--payer", payer.address)
    assert (row["value"], row["amount"], row["scheme"]) == ("settled", str(charge), "upto")
    verified = farebox.run("ledger", "verify", "--ledger", f"sqlite:{shop.site.ledger_path}")
    assert verified.returncode == 0, verified.stdout
    # The same call once more is no second success, and no second transfer.
    assert ask(shop.site, "/settle", payment.body(charge))[1]["success"] is False
    assert len(market.usdc.transfers(payer.address, PAY_TO)) == 1


def test_nothing_used_is_nothing_charged(shop, market, terms):
    payer = market.payer()
    payment = sign(payer, terms)
    status, receipt = ask(shop.site, "/settle", payment.body(0))
    assert status == 200 and receipt["success"] is True
    assert receipt["transaction"] == "" and receipt["amount"] == "0"
    assert shop.site.states_of(payer) == [("released", "unused")]
    assert not market.usdc.transfers(payer.address, PAY_TO) and not payment.is_used(market.node)


def test_more_than_was_agreed_is_refused(shop, market, terms):
    payment = sign(market.payer(), terms)
    status, receipt = ask(shop.site, "/settle", payment.body(10_001))
    assert status == 200 and receipt["success"] is False
    assert receipt["errorReason"] == "invalid_upto_evm_payload_settlement_exceeds_amount"
    assert not payment.is_used(market.node)


# What became of it.

def test_a_broadcast_without_an_answer_is_found_by_its_permit(shop, market):
    payer = market.payer()
    # Two payments alike in payer, recipient and amount: only the permit tells them apart.
    first, second = sign(payer, offer(shop, UPTO)), sign(payer, offer(shop, UPTO))
    assert shop.present(first, UPTO).status == 200
    shop.fault({"method": SEND, "kind": "drop", "times": 1})
    answer = shop.present(second, UPTO)
    assert answer.status in (200, 402, 503), answer.status
    wait_until(lambda: [state[0] for state in shop.site.states_of(payer)] == ["settled", "settled"], "the record")
    assert len({row["transaction"] for row in shop.site.rows("--payer", payer.address)}) == 2
    assert len(market.usdc.transfers(payer.address, PAY_TO)) == 2


def test_anybody_may_settle_an_exact_permit(shop, market):
    payment = sign(market.payer(), offer(shop, PLAIN))
    market.node.automine(False)
    market.node.account(5).send(EXACT_PROXY, payment.settle_data(), tip=10**8, max_fee=10**9)
    presenting = shop.presenting(payment, PLAIN)
    shop.waiting()
    market.node.mine()
    market.node.automine(True)
    answer = presenting.join()
    assert answer.status == 200, answer.json()
    assert len(market.plain.transfers(payment.sender, PAY_TO)) == 1


def test_a_permit_that_its_payer_takes_back_is_let_go(shop, market):
    payer = market.payer()
    payment = sign(payer, offer(shop, PLAIN))
    cancel(market.node, payer, payment)
    answer = shop.present(payment, PLAIN)
    assert answer.status == 402 and answer.json()["error"] == "permit2_invalid_nonce"
    assert not shop.upstream.calls()


def test_a_reorganised_chain_is_settled_anew(shop, market):
    payer = market.payer()
    payment = sign(payer, offer(shop, UPTO))
    assert shop.present(payment, UPTO).status == 200
    market.node.reorganise(1, requeue=False)
    assert not market.usdc.transfers(payer.address, PAY_TO)
    wait_until(lambda: market.usdc.transfers(payer.address, PAY_TO), "the second settlement", timeout=40)
    wait_until(lambda: shop.site.states_of(payer)[0][0] == "settled", "the record", timeout=40)


# A chain that lacks a contract.

def test_the_program_does_not_start_where_the_spender_is_missing(make_site, tmp_path):
    try:
        node, token = canonical_chain(alloc=permit_genesis(but=(UPTO_PROXY,)))
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    try:
        site = make_site(
            [route("GET /x", "$0.005", accepts=["upto usdc@base-sepolia"])], start=False,
            adapters=[rpc_rail(node, scheme=BOTH)])
        site.begin(env=signer_environment(node))
        assert site.process.process.wait(timeout=20) != 0
        assert UPTO_PROXY in site.process.output(), site.process.output()
    finally:
        node.stop()


def test_time_is_the_permit_s_own(shop, market):
    payer = market.payer()
    late = sign(payer, offer(shop, PLAIN), deadline=now() + 3)
    assert shop.present(late, PLAIN).json()["error"] == "permit2_deadline_expired"
    early = sign(payer, offer(shop, PLAIN), valid_after=now() + 30)
    assert shop.present(early, PLAIN).json()["error"] == "permit2_not_yet_valid"
