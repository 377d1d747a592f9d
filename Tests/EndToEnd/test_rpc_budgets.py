"""How often a node is asked for one payment: exchanges and calls, counted at the node. More is a mistake."""

import pytest
from chain.shop import AFTER, BATCH, BEFORE, served
from kit.polling import wait_until


@pytest.fixture
def shop(shop):
    """With one payment behind it: token and fees are known."""
    assert served(shop.present(shop.sign()))
    shop.exchanges()
    return shop


def calls(exchanges):
    return sum(len(exchange) for exchange in exchanges)


def test_an_unpaid_request_asks_nothing(shop):
    for target in (BEFORE, AFTER, BATCH):
        assert shop.site.fetch("GET", target).status == 402
    assert shop.exchanges() == []


def test_a_payment_that_can_be_refused_here_asks_nothing(shop):
    payment = shop.sign(valid_before=1)
    shop.exchanges()
    assert shop.present(payment).status == 402
    wrong = shop.sign(value=999)
    shop.exchanges()
    assert shop.present(wrong).status == 402
    assert shop.exchanges() == []


def test_a_forged_payment_of_a_known_payer_asks_nothing(shop):
    payer = shop.payer()
    assert served(shop.present(shop.sign(payer=payer)))
    forged = shop.sign(payer=payer, domain={"name": "Else"})
    shop.exchanges()
    assert shop.present(forged).status == 402
    assert shop.exchanges() == []


@pytest.mark.parametrize("target", [BEFORE, AFTER])
def test_one_payment_takes_a_verdict_a_trial_a_broadcast_and_a_look(shop, target):
    payment = shop.sign(target)
    shop.exchanges()
    assert served(shop.present(payment, target))
    exchanges = shop.exchanges()
    assert len(exchanges) <= 6 and calls(exchanges) <= 14, exchanges
    assert sum(exchange.count("eth_sendRawTransaction") for exchange in exchanges) == 1


def test_a_returning_payer_is_asked_about_in_one_exchange(shop):
    payer = shop.payer()
    assert served(shop.present(shop.sign(BATCH, payer=payer), BATCH))
    payment = shop.sign(BATCH, payer=payer)
    wait_until(lambda: shop.site.states_of(payer) == [("settled", "delivered")], "the batch before")
    shop.exchanges()
    assert served(shop.present(payment, BATCH))
    verdict = shop.exchanges()
    assert verdict[0] == ["eth_call"] * 3 and len(verdict) == 1, verdict


def test_a_batch_costs_no_more_than_a_payment(shop):
    payers = [shop.payer() for _ in range(20)]
    payments = [shop.sign(BATCH, payer=payer) for payer in payers]
    # Nothing is closed before all are in.
    assert all(served(shop.present(payment, BATCH)) for payment in payments)
    wait_until(lambda: all(shop.moved(payment) == 1 for payment in payments), "the batches")
    for payment in payments:
        shop.wait_for_state(payment, ("settled", "delivered"))
    exchanges = shop.exchanges()
    transactions = sum(exchange.count("eth_sendRawTransaction") for exchange in exchanges)
    assert transactions < 10
    # One verdict for each payment; for each batch a trial, a price, perhaps fees, a broadcast and a few looks.
    assert len(exchanges) <= len(payments) + 10 * transactions, exchanges


def test_an_idle_paywall_asks_nothing(shop):
    wait_until(lambda: shop.exchanges() == [], "quiet")
    before = shop.node.height()
    shop.node.mine(3)
    assert shop.exchanges() == [] and shop.node.height() == before + 3
