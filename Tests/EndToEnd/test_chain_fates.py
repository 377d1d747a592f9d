"""What the pool and the chain do to a settlement after it was sent: it waits, is lost, outrun, taken back or too late.

Every test says where the money is at the end and what the record says; each payer pays once.
"""

import pytest
from chain.calls import settle_data
from chain.shop import AFTER, BATCH, BEFORE, is_pending, served
from chain.stage import cancel
from kit.payments import now, receipt_of
from kit.polling import stays_false, wait_until
from kit.routes import OTHER_PAY_TO

SETTLED = [("settled", "delivered"), ("settled", "unused"), ("settled", "undelivered")]


def held_back(shop, target=BEFORE, **changes):
    """A payment that is presented while nothing is mined; returns it, the caller, and its transaction."""
    payment = shop.sign(target, **changes)
    shop.node.automine(False)
    caller = shop.presenting(payment, target)
    return payment, caller, shop.waiting()[0]


# Waiting.

def test_a_payment_without_a_block_is_pending_and_opens_when_it_is_mined(shop):
    payment, caller, transaction = held_back(shop)
    answer = caller.join()
    assert is_pending(answer) and answer.first("retry-after")
    assert answer.json()["transaction"] in (transaction, *shop.waiting())
    assert is_pending(shop.present(payment)), "asked again, it is pending still"
    assert not shop.upstream.calls() and shop.at_rest(payment) == ("uncertain", "unused")
    shop.node.mine()
    shop.wait_for_state(payment, ("settled", "unused"))
    answer = shop.present(payment)
    assert served(answer) and receipt_of(answer)["transaction"] == shop.row(payment)["transaction"]
    assert shop.at_rest(payment) == ("settled", "delivered") and len(shop.upstream.calls()) == 1
    assert shop.present(payment).status == 402
    assert len(shop.upstream.calls()) == 1
    shop.assert_books_agree(payment)


def test_between_block_and_record_a_payer_is_not_asked_to_pay_again(shop):
    """The nonce is used on chain, and the record does not know it yet: no offer may be shown."""
    payment, caller, _ = held_back(shop)
    assert is_pending(caller.join())
    shop.fault({"method": "eth_getTransactionReceipt", "kind": "result", "result": None},
               {"method": "eth_getLogs", "kind": "error"})
    shop.node.mine()
    assert shop.token.is_used(payment)
    assert is_pending(shop.present(payment))
    shop.node.heal()
    shop.wait_for_state(payment, ("settled", "unused"), timeout=30)
    assert served(shop.present(payment))
    shop.assert_books_agree(payment)


def test_a_payment_that_was_mined_in_time_opens_after_its_time(shop):
    payment, caller, _ = held_back(shop, valid_before=now() + 12)
    assert is_pending(caller.join())
    shop.node.mine()
    shop.wait_for_state(payment, ("settled", "unused"))
    wait_until(lambda: now() > payment.valid_before, "end of its time", timeout=15)
    assert served(shop.present(payment)) and len(shop.upstream.calls()) == 1
    shop.assert_books_agree(payment)


def test_a_transaction_that_nobody_mines_is_sent_with_higher_fees(shop):
    payment, caller, first = held_back(shop)
    caller.join()
    wait_until(lambda: first not in shop.waiting(), "a replacement")
    (better,) = shop.waiting()
    old, new = shop.node.transaction(first), shop.node.transaction(better)
    assert old is None and new["input"] == "0x" + settle_data(payment).hex()
    shop.node.mine()
    shop.wait_for_state(payment, ("settled", "unused"))
    assert shop.row(payment)["transaction"] in shop.token.uses(payment)
    shop.assert_books_agree(payment)


def test_a_transaction_that_the_pool_dropped_is_sent_again(shop):
    payment, caller, transaction = held_back(shop)
    shop.node.drop(transaction)
    caller.join()
    shop.waiting()
    shop.node.mine()
    shop.wait_for_state(payment, *SETTLED)
    shop.assert_books_agree(payment)


def test_under_after_an_answer_whose_money_is_unknown_is_given_within_the_limits(shop):
    payment, caller, _ = held_back(shop, AFTER)
    answer = caller.join()
    assert answer.status == 200 and receipt_of(answer)["extra"]["settlement"] == "queued"
    shop.node.mine()
    shop.wait_for_state(payment, ("settled", "delivered"), timeout=30)
    assert len(shop.upstream.calls()) == 1, "it is never run again"
    shop.assert_books_agree(payment)


# Too late, outrun, cancelled.

def test_an_authorization_that_ends_in_the_pool_gives_everything_back(shop):
    payment, caller, _ = held_back(shop)
    caller.join()
    shop.node.advance(600)
    shop.node.mine()
    shop.wait_for_state(payment, ("released", "unused"), timeout=30)
    assert shop.moved(payment) == 0 and not shop.upstream.calls()
    shop.assert_books_agree(payment)


def test_a_stranger_who_settles_our_payment_has_paid_the_gas(shop):
    """Anyone who sees the transaction may send its authorization faster; the money moves to the same payee."""
    payment, caller, ours = held_back(shop)
    shop.node.hold(ours)
    stranger = shop.node.account(5).send(shop.token.address, settle_data(payment), tip=10**8)
    shop.node.mine()
    shop.node.release(ours)
    shop.node.mine()
    answer = caller.join()
    assert shop.token.uses(payment) == [stranger]
    if not served(answer):
        assert is_pending(answer)
        shop.wait_for_state(payment, ("settled", "unused"), timeout=30)
        assert served(shop.present(payment))
    assert shop.row(payment)["transaction"] == stranger
    assert shop.at_rest(payment) == ("settled", "delivered") and len(shop.upstream.calls()) == 1
    shop.assert_books_agree(payment)


def test_a_known_settler_who_was_faster_has_sold_it_elsewhere(make_shop, chains):
    known = chains.token().node.account(5).address
    shop = make_shop(rail={"known_settlers": [known]})
    other = shop.node.account(5)
    payment, caller, ours = held_back(shop)
    shop.node.hold(ours)
    other.send(shop.token.address, settle_data(payment), tip=10**8)
    shop.node.mine()
    shop.node.release(ours)
    shop.node.mine()
    answer = caller.join()
    shop.wait_for_state(payment, ("released", "unused"), timeout=30)
    assert not served(answer) and not shop.upstream.calls()


def test_a_payer_who_cancels_in_time_is_not_served(shop):
    payer = shop.payer()
    payment, caller, ours = held_back(shop, payer=payer)
    shop.node.hold(ours)
    cancel(shop.token, payer, payment)
    shop.node.mine()
    shop.node.release(ours)
    shop.node.mine()
    answer = caller.join()
    shop.wait_for_state(payment, ("released", "unused"), timeout=30)
    assert not served(answer) and not shop.upstream.calls() and shop.moved(payment) == 0
    assert shop.present(payment).status == 402 and not shop.upstream.calls()
    shop.assert_books_agree(payment)


def test_a_payer_who_spends_the_money_in_time_is_not_served(shop):
    payer = shop.payer(amount=1000)
    payment, caller, ours = held_back(shop, payer=payer)
    shop.node.hold(ours)
    elsewhere = payer.sign(shop.token.asset, OTHER_PAY_TO, 1000)
    shop.node.account(5).send(shop.token.address, settle_data(elsewhere))
    shop.node.mine()
    shop.node.release(ours)
    shop.node.mine()
    answer = caller.join()
    assert not served(answer) and not shop.upstream.calls() and shop.moved(payment) == 0
    shop.wait_for_state(payment, ("released", "unused"), ("uncertain", "unused"), timeout=30)
    shop.assert_books_agree(payment)


@pytest.mark.parametrize("target", [BEFORE, AFTER, BATCH])
def test_a_token_that_is_paused_between_verdict_and_block_moves_nothing(shop, target):
    payment = shop.sign(target)
    shop.node.automine(False)
    caller = shop.presenting(payment, target)
    transaction = shop.waiting()[0]
    shop.node.hold(transaction)
    shop.token.pause()
    shop.node.mine()
    shop.node.release(transaction)
    shop.node.mine()
    answer = caller.join()
    assert shop.moved(payment) == 0
    assert not served(answer) or target == BATCH
    shop.token.unpause()
    shop.node.automine(True)
    shop.node.mine()
    if target == BATCH:
        shop.wait_for_state(payment, ("settled", "delivered"), timeout=30)
    shop.assert_books_agree(payment)


def test_two_payments_out_of_one_balance_are_not_both_served(shop):
    payer = shop.payer(amount=1000)
    first, second = shop.sign(payer=payer), shop.sign(payer=payer)
    assert served(shop.present(first))
    answer = shop.present(second)
    assert answer.status == 402 and "insufficient" in answer.json()["error"]
    assert len(shop.upstream.calls()) == 1 and shop.moved(second) == 0


def test_a_batch_sums_up_what_a_payer_owes_before_it_serves(shop):
    """Each authorization alone would pass; together they overdraw."""
    payer = shop.payer(amount=7000)
    payments = [shop.sign(BATCH, payer=payer) for _ in range(3)]
    answers = [shop.present(payment, BATCH) for payment in payments]
    assert [answer.status for answer in answers] == [200, 200, 402]
    assert "insufficient" in answers[2].json()["error"]
    for payment in payments[:2]:
        wait_until(lambda payment=payment: shop.moved(payment) == 1, "the batch")
    assert shop.moved(payments[2]) == 0


# Reorganisations.

def test_a_reorganisation_that_puts_a_settlement_back_into_the_pool_is_followed(shop):
    payment, depth = shop.sign(), 3
    assert served(shop.present(payment))
    shop.node.mine(depth - 1)
    shop.node.automine(False)
    shop.node.reorganise(depth)
    assert shop.moved(payment) == 0
    shop.wait_for_state(payment, ("uncertain", "delivered"), timeout=45)
    # Meanwhile it may have been sent once more; of the two transactions one moves the money.
    shop.node.automine(True)
    shop.node.mine()
    shop.wait_for_state(payment, ("settled", "delivered"), timeout=30)
    assert len(shop.upstream.calls()) == 1
    shop.assert_books_agree(payment)


def test_a_settlement_that_a_reorganisation_lost_is_made_again(shop):
    payments = [shop.sign(), shop.sign(BATCH)]
    assert served(shop.present(payments[0])) and served(shop.present(payments[1], BATCH))
    for payment in payments:
        shop.wait_for_state(payment, ("settled", "delivered"))
    before = [shop.row(payment)["transaction"] for payment in payments]
    shop.node.reorganise(2, requeue=False)
    assert not any(shop.moved(payment) for payment in payments)
    wait_until(lambda: all(shop.moved(payment) for payment in payments), "new settlements", timeout=60)
    for payment in payments:
        shop.wait_for_state(payment, ("settled", "delivered"), timeout=30)
    assert [shop.row(payment)["transaction"] for payment in payments] != before
    shop.assert_books_agree(*payments)


def test_a_price_that_asks_for_depth_waits_for_it(make_shop):
    shop = make_shop(rail={"confirmations": [["$0.0005", 3]]})
    payment = shop.sign()
    caller = shop.presenting(payment)
    wait_until(lambda: shop.moved(payment) == 1, "the first confirmation")
    assert stays_false(shop.upstream.calls)
    shop.node.mine(2)
    assert served(caller.join())
    shop.assert_books_agree(payment)
