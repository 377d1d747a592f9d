"""The official client, as its manual configures it, pays in real USDC code: two chains, both versions, all timings."""

import pytest
from chain.shop import AFTER, BATCH, BEFORE, PRICES, Shop
from chain.tokens import CANONICAL
from kit import official
from kit.polling import wait_until
from kit.routes import PAY_TO

SESSIONS = {"v2": official.session, "v1": official.version_1_session}


@pytest.fixture(params=sorted(CANONICAL))
def shop(request, chains, make_site):
    return Shop(chains.token(request.param), make_site)


def pay(shop, version, payer, target):
    answer = SESSIONS[version](payer).get(shop.site.process.url() + target)
    assert answer.status_code == 200, answer.text
    return official.receipt(answer)


@pytest.mark.parametrize("version", SESSIONS)
@pytest.mark.parametrize("target", [BEFORE, AFTER])
def test_the_money_has_moved_when_the_answer_comes(shop, version, target):
    payer = shop.payer()
    receipt = pay(shop, version, payer, target)
    asset = shop.token.asset
    assert receipt["success"] is True and receipt["payer"].lower() == payer.address.lower()
    assert receipt["network"] == (asset.network if version == "v2" else asset.v1_network)
    assert shop.token.transfers(payer.address) == [(payer.address, PAY_TO, PRICES[target], receipt["transaction"])]
    assert shop.site.states_of(payer) == [("settled", "delivered")]
    assert len(shop.upstream.calls()) == 1


@pytest.mark.parametrize("version", SESSIONS)
def test_under_batch_the_money_moves_with_others(shop, version):
    payers = [shop.payer() for _ in range(4)]
    receipts = [pay(shop, version, payer, BATCH) for payer in payers]
    assert all(receipt["success"] is True and receipt["transaction"] == "" for receipt in receipts)
    wait_until(lambda: len(shop.token.transfers(to=PAY_TO)) == 4, "the batches")
    moved = shop.token.transfers(to=PAY_TO)
    assert sorted(each[:3] for each in moved) == sorted((payer.address, PAY_TO, PRICES[BATCH]) for payer in payers)
    assert len({each[3] for each in moved}) < 4, "some shared a transaction"
    for payer in payers:
        wait_until(lambda payer=payer: shop.site.states_of(payer) == [("settled", "delivered")], "the record")
