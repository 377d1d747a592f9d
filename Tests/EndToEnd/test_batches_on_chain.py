"""Batches with something wrong in them: what is wrong is passed over and ends as it must, the others are settled.

Through our contract and through Multicall3 alike. Nothing goes wrong before the answer: all have been served.
"""

import pytest
from chain.batch import Batcher
from chain.calls import settle_data
from chain.rail import rpc_rail, signer_environment
from chain.shop import BATCH, BEFORE, PRICES, Shop, served
from chain.stage import cancel
from chain.tokens import Wallet, vyper_token
from kit.payments import Payer, now
from kit.polling import wait_until
from kit.routes import OTHER_PAY_TO, PAY_TO, route

# Long enough to spoil a payment between its answer and its batch.
SLOW = {"batch": {"interval": "3s"}}


@pytest.fixture(params=["ours", "Multicall3"])
def shop(request, chains, make_site):
    token = chains.token()
    rail = {"batch_contract": Batcher(token.node).address} if request.param == "ours" else {}
    return waiting(Shop(token, make_site, rail=rail, payments=SLOW))


@pytest.fixture
def make_waiting_shop(make_shop):
    return lambda **options: waiting(make_shop(**options))


def waiting(shop):
    """The shop with its first batch behind it, which is closed at once: from here on an interval passes between two."""
    assert_settled(shop, *serve(shop, 1))
    return shop


def serve(shop, count=3, **changes):
    payments = [shop.sign(BATCH, **changes) for _ in range(count)]
    assert all(served(shop.present(payment, BATCH)) for payment in payments)
    return payments


def assert_settled(shop, *payments):
    for payment in payments:
        shop.wait_for_state(payment, ("settled", "delivered"), timeout=30)
        assert shop.moved(payment) == 1
    shop.assert_books_agree(*payments)


def test_a_payment_that_a_stranger_settled_is_paid(shop):
    good = serve(shop)
    payment = shop.sign(BATCH)
    assert served(shop.present(payment, BATCH))
    stranger = shop.node.account(5).transact(shop.token.address, settle_data(payment))
    assert_settled(shop, payment, *good)
    assert shop.row(payment)["transaction"] == stranger["transactionHash"]


def test_a_payment_that_its_payer_cancelled_is_a_debt(shop):
    payer = shop.payer()
    payment = shop.sign(BATCH, payer=payer)
    assert served(shop.present(payment, BATCH))
    good = serve(shop)
    cancel(shop.token, payer, payment)
    assert_settled(shop, *good)
    shop.wait_for_state(payment, ("written_off", "delivered"), timeout=30)
    assert shop.moved(payment) == 0
    following = shop.sign(BATCH, payer=payer)
    assert served(shop.present(following, BATCH))
    assert shop.moved(following) == 1, "who made us lose once pays first"


def test_a_payer_who_spent_the_money_meanwhile_is_tried_until_its_time_ends(shop):
    payer = shop.payer(amount=PRICES[BATCH])
    payment = shop.sign(BATCH, payer=payer)
    assert served(shop.present(payment, BATCH))
    good = serve(shop)
    elsewhere = payer.sign(shop.token.asset, OTHER_PAY_TO, PRICES[BATCH])
    assert shop.token.settle(elsewhere)["status"] == "0x1"
    assert_settled(shop, *good)
    assert shop.state(payment) == ("owed", "delivered") and shop.moved(payment) == 0
    shop.token.mint(payer.address, PRICES[BATCH])
    assert_settled(shop, payment)


def test_a_token_that_is_paused_for_a_while_is_tried_again(shop):
    good = serve(shop)
    shop.token.pause()
    wait_until(lambda: any("eth_call" in exchange for exchange in shop.exchanges()), "the trial of the batch")
    assert not any(shop.moved(payment) for payment in good)
    shop.token.unpause()
    assert_settled(shop, *good)


def test_a_full_batch_is_closed_before_its_time(make_waiting_shop):
    shop = make_waiting_shop(payments={"batch": {"interval": "24s", "max_items": 3}})
    payments = serve(shop, 2)
    assert not any(shop.moved(payment) for payment in payments)
    payments += serve(shop, 1)
    wait_until(lambda: all(shop.moved(payment) for payment in payments), "the full batch", timeout=12)
    assert_settled(shop, *payments)


def test_a_process_that_ends_settles_what_it_has_served(make_waiting_shop):
    shop = make_waiting_shop(payments={"batch": {"interval": "60s"}})
    payments = serve(shop)
    assert shop.site.stop() == 0
    assert all(shop.moved(payment) == 1 for payment in payments)


def test_exposure_ends_serving_before_paying(make_waiting_shop):
    """One payer may owe three payments here, all together five; beyond that they pay first."""
    limits = {"exposure_limit": "$0.009", "total_exposure_limit": "$0.015"}
    shop = make_waiting_shop(payments={"batch": {"interval": "60s"} | limits})
    payer = shop.payer()
    payments = [shop.sign(BATCH, payer=payer) for _ in range(4)]
    assert all(served(shop.present(payment, BATCH)) for payment in payments)
    assert [shop.moved(payment) for payment in payments] == [0, 0, 0, 1]
    others = [shop.sign(BATCH) for _ in range(3)]
    assert all(served(shop.present(payment, BATCH)) for payment in others)
    assert [shop.moved(payment) for payment in others] == [0, 0, 1]


def test_a_new_payer_pays_first_where_nobody_trusts_it(make_shop):
    shop = make_shop(payments={"trust_new_payers": False, "new_payer_payments": 2, "batch": {"interval": "60s"}})
    payer = shop.payer()
    payments = [shop.sign(BATCH, payer=payer) for _ in range(3)]
    assert all(served(shop.present(payment, BATCH)) for payment in payments)
    assert [shop.moved(payment) for payment in payments[:2]] == [1, 1]
    assert shop.site.rows_of(payer)[0]["timing"] == "batch" and shop.site.rows_of(payer)[1]["timing"] == "before"


# Contract wallets, on the token that takes their signatures.

@pytest.fixture
def wallet_site(chains, make_site):
    """A paywall for the Vyper token, whose batches go through our contract."""
    node = chains.token().node
    token = vyper_token(node)
    asset = token.asset
    contract = Batcher(node).address
    site = make_site(
        [route("GET /batch/*", "$0.003", settle="batch"), route("GET /before/*", "$0.001")],
        env=signer_environment(node), adapters=[rpc_rail(node, batch_contract=contract)],
        payments={"accepts": [asset.catalogue_id], "trust_new_payers": True, **SLOW},
        assets=[{"id": asset.catalogue_id, "network": asset.network, "address": asset.address, "decimals": 6,
                 "name": asset.name, "version": asset.version, "peg": "usd"}])
    first = Payer()
    token.fund(first)
    payment = first.sign(asset, PAY_TO, PRICES[BATCH], accepted=site.challenge(BATCH).offers[0])
    assert served(site.fetch("GET", BATCH, payment.v2_fields()))
    wait_until(lambda: token.is_used(payment), "the first batch, which is closed at once")
    return site, token


def wallet_payment(site, token, wallet, target=BATCH):
    offer = site.challenge(target).offers[0]
    payment = wallet.sign(token.asset, offer["payTo"], int(offer["amount"]), accepted=offer,
                          valid_before=now() + offer["maxTimeoutSeconds"])
    # Longer than a key's signature, so that nothing takes it for one.
    return payment.with_signature(payment.signature + "ab" * 40)


def test_a_contract_wallet_pays_before_and_in_a_batch_with_accounts(wallet_site):
    site, token = wallet_site
    wallet, payers = Wallet(token.node, Payer()), [Payer() for _ in range(3)]
    token.fund(wallet, *payers)
    assert served(site.fetch("GET", BEFORE, wallet_payment(site, token, wallet, BEFORE).v2_fields()))
    assert [each[:3] for each in token.transfers(wallet.address)] == [(wallet.address, PAY_TO, PRICES[BEFORE])]
    assert served(site.fetch("GET", BATCH, wallet_payment(site, token, wallet).v2_fields()))
    for payer in payers:
        payment = payer.sign(token.asset, PAY_TO, PRICES[BATCH], accepted=site.challenge(BATCH).offers[0])
        assert served(site.fetch("GET", BATCH, payment.v2_fields()))
    wait_until(lambda: len(token.transfers(to=PAY_TO)) == 6, "the batch", timeout=20)


@pytest.mark.parametrize("mood", ["burning", "refusing"])
def test_a_wallet_that_changes_its_mood_takes_no_one_with_it(wallet_site, mood):
    """It was honest when it was asked, and is not when its batch is sent."""
    site, token = wallet_site
    wallet, payers = Wallet(token.node, Payer()), [Payer() for _ in range(3)]
    token.fund(wallet, *payers)
    bad = wallet_payment(site, token, wallet)
    assert served(site.fetch("GET", BATCH, bad.v2_fields()))
    for payer in payers:
        payment = payer.sign(token.asset, PAY_TO, PRICES[BATCH], accepted=site.challenge(BATCH).offers[0])
        assert served(site.fetch("GET", BATCH, payment.v2_fields()))
    wallet.set_mood(mood)
    wait_until(lambda: len(token.transfers(to=PAY_TO)) == 4, "the batch without the wallet", timeout=20)
    assert not token.is_used(bad)
    (row,) = site.rows("--payer", wallet.address)
    assert row["value"] in ("owed", "settling", "written_off")
