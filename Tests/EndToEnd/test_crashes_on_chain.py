"""`kill -9` between every two outside effects, and a restart: the books agree with the chain, nobody pays twice.

The moment of the crash is made by a fault that keeps the program waiting exactly there.
"""

import threading

import pytest
from chain.shop import AFTER, BATCH, BEFORE, SEND, served
from kit.polling import wait_until
from kit.upstream import Answer


AT_REST = [
    ("settled", "unused"), ("settled", "undelivered"), ("settled", "delivered"), ("released", "unused"),
]


def crash(shop, caller=None):
    shop.crash()
    shop.node.heal()
    if caller is not None:
        caller.join()


def recovered(shop, *payments):
    """Starts the program again and waits until nothing is open."""
    shop.node.automine(True)
    shop.node.mine()
    shop.restart()
    for payment in payments:
        shop.wait_for_state(payment, *AT_REST, timeout=40)


def served_once(shop, payment, target=BEFORE):
    """The payer comes back with the same payment: it is served, and pays nothing more."""
    if shop.at_rest(payment) != ("settled", "delivered"):
        assert served(shop.present(payment, target)), shop.state(payment)
    shop.wait_for_state(payment, ("settled", "delivered"))
    assert shop.moved(payment) == 1
    shop.assert_books_agree(payment)


def hanging(shop, payment, method, target=BEFORE):
    """Presents a payment and waits until the program waits for the answer to one of its calls."""
    shop.fault({"method": method, "kind": "hang"})
    caller = shop.presenting(payment, target)
    asked = []

    def is_asked():
        asked.extend(shop.exchanges())
        return any(method in exchange for exchange in asked)

    wait_until(is_asked, f"call of {method}")
    return caller


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas", "eth_feeHistory", "eth_getTransactionCount"])
def test_before_anything_is_sent(shop, method):
    payment = shop.sign()
    crash(shop, hanging(shop, payment, method))
    shop.restart()
    wait_until(lambda: served(shop.present(payment)), "service", timeout=30)
    served_once(shop, payment)


def test_between_the_mark_and_the_broadcast(shop):
    """The hash is written down, the transaction never left."""
    payment = shop.sign()
    caller = hanging(shop, payment, SEND)
    assert shop.moved(payment) == 0 and not shop.node.pool()
    crash(shop, caller)
    recovered(shop, payment)
    served_once(shop, payment)


def test_between_broadcast_and_block(shop):
    payment = shop.sign()
    shop.node.automine(False)
    caller = shop.presenting(payment)
    shop.waiting()
    crash(shop, caller)
    recovered(shop, payment)
    served_once(shop, payment)


def test_between_broadcast_and_a_block_that_never_came(shop):
    payment = shop.sign()
    shop.node.automine(False)
    caller = shop.presenting(payment)
    (transaction,) = shop.waiting()
    crash(shop, caller)
    shop.node.drop(transaction)
    recovered(shop, payment)
    served_once(shop, payment)


def test_between_block_and_record(shop):
    payment = shop.sign()
    caller = hanging(shop, payment, "eth_getTransactionReceipt")
    wait_until(lambda: shop.moved(payment) == 1, "the block")
    crash(shop, caller)
    recovered(shop, payment)
    served_once(shop, payment)
    assert len(shop.upstream.calls()) == 1


def test_between_record_and_answer(shop):
    """Settled and forwarded: the upstream may have worked, its answer was lost."""
    gate = threading.Event()
    shop.upstream.answers[BEFORE] = Answer(gate=gate)
    payment = shop.sign()
    caller = shop.presenting(payment)
    shop.upstream.wait_for_calls(1)
    crash(shop, caller)
    gate.set()
    shop.upstream.answers.pop(BEFORE)
    recovered(shop, payment)
    assert shop.at_rest(payment) == ("settled", "undelivered")
    served_once(shop, payment)
    assert len(shop.upstream.calls()) == 2


@pytest.mark.parametrize("method", ["eth_estimateGas", SEND, "eth_getTransactionReceipt"])
def test_under_after_between_serving_and_settling(shop, method):
    payment = shop.sign(AFTER)
    crash(shop, hanging(shop, payment, method, AFTER))
    shop.node.automine(True)
    shop.restart()
    shop.wait_for_state(payment, ("settled", "delivered"), timeout=40)
    assert shop.moved(payment) == 1
    assert len(shop.upstream.calls()) == 1, "what may have been served is paid, and not run again"
    shop.assert_books_agree(payment)


@pytest.mark.parametrize("method", ["eth_estimateGas", SEND, "eth_getTransactionReceipt"])
def test_a_batch_between_its_effects(shop, method):
    payments = [shop.sign(BATCH) for _ in range(4)]
    shop.fault({"method": method, "kind": "hang"})
    assert all(served(shop.present(payment, BATCH)) for payment in payments)
    asked = []

    def is_asked():
        asked.extend(shop.exchanges())
        return any(method in exchange for exchange in asked)

    wait_until(is_asked, "the batch")
    crash(shop)
    shop.restart()
    for payment in payments:
        shop.wait_for_state(payment, ("settled", "delivered"), timeout=40)
        assert shop.moved(payment) == 1
    assert len(shop.upstream.calls()) == 4
    shop.assert_books_agree(*payments)


def test_a_crash_on_top_of_a_crash(shop):
    """Killed while it recovers, at the broadcast and after it."""
    payment = shop.sign()
    crash(shop, hanging(shop, payment, SEND))
    for method in (SEND, "eth_getTransactionReceipt"):
        shop.fault({"method": method, "kind": "hang"})
        shop.site.begin(env=shop.environment)
        wait_until(lambda: any(method in exchange for exchange in shop.exchanges()), f"call of {method}")
        crash(shop)
    recovered(shop, payment)
    served_once(shop, payment)
