"""Whatever a node answers, or does not answer, money and record end up in the same place. Each payer pays once."""

import pytest
from chain.shop import AFTER, BATCH, BEFORE, OURS, SEND, SPARE, Shop, is_pending, served
from kit.polling import wait_until
from kit.routes import PAY_TO

# Nothing can be asked: nothing is sold.

@pytest.mark.parametrize(("method", "fault"), [
    ("eth_call", {"kind": "error", "code": -32005, "message": "limit exceeded"}),
    ("eth_call", {"kind": "error", "code": -32603, "message": "internal"}),
    ("eth_call", {"kind": "http", "status": 429}),
    ("eth_call", {"kind": "garbage"}),
    ("eth_call", {"kind": "cut"}),
    ("eth_call", {"kind": "hang"}),
    ("eth_call", {"kind": "result", "result": None}),
    ("eth_call", {"kind": "result", "result": "0x"}),
    ("eth_estimateGas", {"kind": "http", "status": 503}),
    ("eth_estimateGas", {"kind": "result", "result": "0xzz"}),
    ("eth_getTransactionCount", {"kind": "cut"}),
    ("eth_feeHistory", {"kind": "cut"}),
], ids=lambda value: value if isinstance(value, str) else "-".join(str(each) for each in value.values()))
def test_a_node_that_cannot_be_asked_sells_nothing_and_takes_nothing(shop, method, fault):
    payment = shop.sign()
    shop.fault({"method": method} | fault)
    answer = shop.present(payment, timeout=40)
    if served(answer):
        assert method == "eth_feeHistory", "fees can be learnt in another way"
        return
    assert answer.status == 503 and answer.first("retry-after") or answer.status == 402, answer.body
    assert not shop.upstream.calls() and shop.moved(payment) == 0
    shop.node.heal()
    wait_until(lambda: served(shop.present(payment)), "service once the node is well", timeout=20)
    assert shop.at_rest(payment) == ("settled", "delivered") and len(shop.upstream.calls()) == 1
    shop.assert_books_agree(payment)


def test_a_second_node_takes_over_from_a_broken_one(chains, make_site):
    token = chains.token()
    urls = [token.node.urls[OURS], token.node.urls[SPARE]]
    shop = Shop(token, make_site, rail={"rpc_url": None, "rpc_urls": urls})
    payments = [shop.sign() for _ in range(2)]
    shop.fault({"method": "*", "kind": "http", "status": 502})
    assert served(shop.present(payments[0]))
    shop.node.heal()
    shop.fault({"method": "*", "kind": "cut"}, listener=SPARE)
    # The first is left alone for a while after it failed.
    wait_until(lambda: served(shop.present(payments[1])), "service by the first node", timeout=30)
    shop.assert_books_agree(*payments)


def test_a_node_that_is_behind_the_other_loses_no_payment(chains, make_site):
    """Two nodes behind one name disagree: the second knows nothing of the transaction that the first took."""
    token = chains.token()
    urls = [token.node.urls[OURS], token.node.urls[SPARE]]
    shop = Shop(token, make_site, rail={"rpc_url": None, "rpc_urls": urls})
    payment = shop.sign()
    shop.fault({"method": "eth_getTransactionReceipt", "kind": "result", "result": None, "times": 3})
    assert served(shop.present(payment))
    shop.assert_books_agree(payment)


# The answer to a broadcast.

@pytest.mark.parametrize("kind", ["drop", "error_after", "http_after", "cut", "error", "http", "garbage"])
@pytest.mark.parametrize("target", [BEFORE, AFTER])
def test_however_a_broadcast_is_answered_the_money_moves_once(shop, target, kind):
    """`drop` and `…_after` come after the node took the transaction, the others before."""
    payment = shop.sign(target)
    shop.fault({"method": SEND, "kind": kind, "status": 502, "times": 1})
    answer = shop.present(payment, target)
    if not served(answer):
        assert answer.status == 503 or is_pending(answer)
        wait_until(lambda: served(shop.present(payment, target)), "service for what was paid", timeout=20)
    shop.wait_for_state(payment, ("settled", "delivered"))
    assert shop.moved(payment) == 1
    # Under `after` the upstream has answered before a settlement fails; the answer is withheld, and it is asked again.
    assert len(shop.upstream.calls()) == 1 or target == AFTER
    shop.assert_books_agree(payment)


@pytest.mark.parametrize("kind", ["drop", "error_after", "http_after", "cut", "error", "http", "garbage"])
def test_however_a_batch_s_broadcast_is_answered_its_money_moves_once(shop, kind):
    payments = [shop.sign(BATCH) for _ in range(3)]
    shop.fault({"method": SEND, "kind": kind, "status": 502, "times": 1})
    assert all(served(shop.present(payment, BATCH)) for payment in payments)
    for payment in payments:
        shop.wait_for_state(payment, ("settled", "delivered"), timeout=30)
        assert shop.moved(payment) == 1
    assert len(shop.upstream.calls()) == 3
    shop.assert_books_agree(*payments)


def test_a_broadcast_that_is_never_answered_is_found_out(shop):
    payment = shop.sign()
    shop.fault({"method": SEND, "kind": "hang", "times": 1})
    answer = shop.present(payment)
    assert served(answer) or is_pending(answer)
    wait_until(lambda: shop.state(payment)[0] == "settled", "settlement", timeout=30)
    assert served(answer) or served(shop.present(payment))
    assert shop.moved(payment) == 1
    shop.assert_books_agree(payment)


@pytest.mark.parametrize("message", ["nonce too low: next nonce 7, tx nonce 5", "replacement transaction underpriced"])
def test_a_nonce_that_somebody_else_used_is_asked_for_anew(shop, message):
    payment = shop.sign()
    shop.fault({"method": SEND, "kind": "error", "message": message, "times": 1})
    assert served(shop.present(payment))
    shop.assert_books_agree(payment)


def test_a_signer_key_that_is_used_elsewhere_too_goes_on(shop):
    first, second = shop.sign(), shop.sign()
    assert served(shop.present(first))
    shop.signer.send(PAY_TO, gas=21_000)
    assert served(shop.present(second))
    shop.assert_books_agree(first, second)


def test_a_gap_in_the_nonces_is_closed(shop):
    """A transaction that was lost on its way holds up those behind it until it is sent again."""
    lost, behind = shop.sign(), shop.sign()
    shop.fault({"method": SEND, "kind": "cut", "times": 1})
    waiting = shop.presenting(lost)
    answer = shop.present(behind)
    assert served(answer) or is_pending(answer)
    waiting.join()
    for payment in (lost, behind):
        shop.wait_for_state(payment, ("settled", "delivered"), ("settled", "unused"))
        assert shop.moved(payment) == 1
    shop.assert_books_agree(lost, behind)


def test_a_signer_without_coins_sells_nothing(shop):
    payment = shop.sign()
    max_fee, balance = 12 * 10**6, shop.node.coins(shop.signer.address)
    shop.signer.transact(PAY_TO, value=balance - 21_000 * max_fee, gas=21_000, max_fee=max_fee)
    answer = shop.present(payment)
    assert answer.status == 503 and not shop.upstream.calls() and shop.moved(payment) == 0
    shop.assert_books_agree(payment)
