"""The tests' own chain is sound: it moves money as a real one does, and each fault does what it says."""

import http.client
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlparse

import pytest
from chain import contracts
from chain.calls import call_data, settle_data
from chain.kit import ChainNode, Refused
from chain.tokens import AUTHORIZATION_USED, TRANSFER, Wallet, canonical_chain, vyper_token
from kit.payments import BASE, BASE_SEPOLIA, Payer, now
from kit.polling import wait_until
from kit.routes import PAY_TO

DEAD = "0x000000000000000000000000000000000000dEaD"
PRICE = 10_000


@pytest.fixture(scope="module")
def nodes():
    """One node per kind of token for the whole file; each test finds it as it was at first."""
    started, beginnings = {}, {}

    def start(kind):
        if kind == "vyper":
            node = ChainNode()
            return node, vyper_token(node)
        try:
            return canonical_chain(int(kind))
        except contracts.NotToBeHad as reason:
            pytest.skip(str(reason))

    def get(kind):
        if kind not in started:
            started[kind] = start(kind)
        node, token = started[kind]
        node.heal()
        node.automine(True)
        if kind in beginnings:
            node.revert(beginnings[kind])
        beginnings[kind] = node.snapshot()
        return node, token

    yield get
    for node, _ in started.values():
        node.stop()


@pytest.fixture(params=["vyper", "8453", "84532"])
def any_token(request, nodes):
    return nodes(request.param)[1]


@pytest.fixture(params=["vyper", "84532"])
def token(request, nodes):
    return nodes(request.param)[1]


@pytest.fixture
def bytes_token(nodes):
    """The token with the overload for contract wallets, which Circle's version 2.1 has not."""
    return nodes("vyper")[1]


@pytest.fixture
def node(nodes):
    return nodes("vyper")[0]


@pytest.fixture
def rich(token):
    """A payer with money."""
    payer = Payer()
    token.fund(payer)
    return payer


def succeeded(receipt):
    return receipt["status"] == "0x1"


def refusal(node, call, *arguments, **keywords):
    with pytest.raises(Refused) as caught:
        call(*arguments, **keywords)
    return caught.value


def sent(sender, **options):
    """An empty transaction to nobody."""
    return sender.send(DEAD, gas=21_000, **options)


# Tokens.

def test_a_settled_payment_is_seen_in_the_logs(any_token):
    token, payer = any_token, Payer()
    token.fund(payer, amount=3 * PRICE)
    before = token.balance(PAY_TO)
    payment = payer.sign(token.asset, PAY_TO, PRICE)
    assert not token.is_used(payment)
    receipt = token.settle(payment)
    assert succeeded(receipt) and token.is_used(payment)
    assert [log["topics"][0] for log in receipt["logs"]] == [AUTHORIZATION_USED, TRANSFER]
    assert token.transfers(payer.address) == [(payer.address, PAY_TO, PRICE, receipt["transactionHash"])]
    assert token.uses(payment) == [receipt["transactionHash"]]
    assert token.balance(PAY_TO) - before == PRICE
    assert token.balance(payer.address) == 2 * PRICE


@pytest.mark.parametrize("asset", [BASE, BASE_SEPOLIA])
def test_the_real_token_is_where_the_real_network_has_it(nodes, asset):
    node, token = nodes(str(asset.chain_id))
    assert node.number("eth_chainId") == asset.chain_id and token.address == asset.address
    code = bytes.fromhex(node.ask("eth_getCode", asset.address, "latest")[2:])
    assert len(code) == 21_483
    assert node.call(asset.address, call_data("name()")).endswith(asset.name.encode().hex().ljust(64, "0"))


def test_a_replay_reverts_with_its_reason(token, rich):
    payment = rich.sign(token.asset, PAY_TO, PRICE)
    assert succeeded(token.settle(payment))
    asked = refusal(token.node, token.node.call, token.address, settle_data(payment))
    assert asked.code == 3 and "authorization is used or canceled" in asked.message
    assert asked.data.startswith("0x08c379a0")
    request = {"to": token.address, "data": "0x" + settle_data(payment).hex()}
    assert refusal(token.node, token.node.ask, "eth_estimateGas", request).code == 3
    assert not succeeded(token.settle(payment))
    assert len(token.uses(payment)) == 1


def test_what_is_wrong_with_a_payment_is_the_reason(token, rich):
    poor = Payer()
    foreign = rich.sign(token.asset, PAY_TO, PRICE, domain={"chainId": 1})
    wrong = {
        "transfer amount exceeds balance": poor.sign(token.asset, PAY_TO, PRICE),
        "authorization is expired": rich.sign(token.asset, PAY_TO, PRICE, valid_before=now() - 1),
        "authorization is not yet valid": rich.sign(token.asset, PAY_TO, PRICE, valid_after=now() + 60),
        "invalid signature": foreign,
        "invalid signature 's' value": rich.sign(token.asset, PAY_TO, PRICE).high_s(),
    }
    for reason, payment in wrong.items():
        assert reason in refusal(token.node, token.node.call, token.address, settle_data(payment)).message


def test_a_paused_token_and_a_blacklisted_payer_move_nothing(token, rich):
    payment = rich.sign(token.asset, PAY_TO, PRICE)
    token.pause()
    assert "paused" in refusal(token.node, token.node.call, token.address, settle_data(payment)).message
    assert not succeeded(token.settle(payment))
    token.unpause()
    token.blacklist(rich.address)
    assert "blacklisted" in refusal(token.node, token.node.call, token.address, settle_data(payment)).message
    token.unblacklist(rich.address)
    assert succeeded(token.settle(payment))


def test_of_two_authorizations_over_one_balance_the_better_paid_wins(token):
    payer, node, owner = Payer(), token.node, token.owner
    token.fund(payer, amount=PRICE)
    ours, theirs = (payer.sign(token.asset, to, PRICE) for to in (PAY_TO, DEAD))
    assert not any(refused_now(token, payment) for payment in (ours, theirs)), "each alone would pass"
    node.automine(False)
    first = owner.send(token.address, settle_data(ours), tip=10**6)
    second = node.account(1).send(token.address, settle_data(theirs), tip=10**7)
    node.mine()
    assert succeeded(node.receipt(second)) and not succeeded(node.receipt(first))
    assert token.uses(theirs) == [second] and not token.uses(ours)


def refused_now(token, payment):
    try:
        token.node.call(token.address, settle_data(payment))
    except Refused:
        return True
    return False


def test_a_token_without_code_takes_a_settlement_and_does_nothing(node):
    payment = Payer().sign(BASE_SEPOLIA, PAY_TO, PRICE)
    assert node.call(DEAD, settle_data(payment)) == "0x"
    receipt = node.account().try_transact(DEAD, settle_data(payment))
    assert succeeded(receipt) and not receipt["logs"], "a status alone proves nothing"


def test_the_real_token_leaves_dirty_padding_behind_its_reason(nodes):
    node, token = nodes("84532")
    payment = Payer().sign(token.asset, PAY_TO, PRICE)
    reason = bytes.fromhex(refusal(node, node.call, token.address, settle_data(payment)).data[2:])
    length = int.from_bytes(reason[36:68], "big")
    assert reason[68:68 + length] == b"ERC20: transfer amount exceeds balance"
    assert any(reason[68 + length:]), "a strict decoder would refuse this"


@pytest.mark.parametrize(("mood", "padding", "moves"), [
    ("honest", b"", True), ("honest", b"\x01" * 40, True), ("refusing", b"", False), ("burning", b"", False),
])
def test_a_contract_wallet_pays_as_its_mood_lets_it(bytes_token, mood, padding, moves):
    token, wallet = bytes_token, Wallet(bytes_token.node, Payer())
    token.fund(wallet)
    wallet.set_mood(mood)
    payment = wallet.sign(token.asset, PAY_TO, PRICE)
    payment = payment.with_signature(payment.signature + padding.hex())
    receipt = token.settle(payment, with_bytes=True, gas=500_000)
    assert succeeded(receipt) is moves and token.is_used(payment) is moves
    assert mood != "burning" or int(receipt["gasUsed"], 16) > 490_000


def test_an_account_pays_through_the_overload_with_bytes_too(bytes_token):
    payer = Payer()
    bytes_token.fund(payer)
    assert succeeded(bytes_token.settle(payer.sign(bytes_token.asset, PAY_TO, PRICE), with_bytes=True))


# The pool.

def test_nonces_out_of_order_wait_for_the_gap(node):
    sender = node.account(2)
    nonce = node.nonce(sender.address)
    later = sent(sender, nonce=nonce + 1)
    assert node.receipt(later) is None and node.transaction(later)["blockNumber"] is None
    assert node.nonce(sender.address, "pending") == nonce
    sent(sender, nonce=nonce)
    node.mine()
    assert succeeded(node.receipt(later)) and node.nonce(sender.address) == nonce + 2


def test_the_pool_refuses_in_the_words_of_geth(node):
    sender, rejected = node.account(3), "eth_sendRawTransaction"
    sent(sender)
    nonce = node.nonce(sender.address)
    node.automine(False)
    raw, _ = sender.sign(DEAD, nonce=nonce, gas=21_000)
    node.ask(rejected, raw)
    refused = {
        "already known": raw,
        "nonce too low": sender.sign(DEAD, nonce=nonce - 1, gas=21_000)[0],
        "replacement transaction underpriced": sender.sign(DEAD, nonce=nonce, gas=21_000, tip=1_050_000,
                                                           max_fee=1_050_000_000)[0],
        "intrinsic gas too low": sender.sign(DEAD, nonce=nonce + 1, gas=20_999)[0],
        "exceeds block gas limit": sender.sign(DEAD, nonce=nonce + 1, gas=60_000_001)[0],
        "invalid chain id for signer": sender.sign(DEAD, nonce=nonce + 1, chain_id=1)[0],
        "insufficient funds for gas": sender.sign(DEAD, nonce=nonce + 1, value=10**23)[0],
        "invalid transaction": "0x02c0",
    }
    for message, transaction in refused.items():
        assert message in refusal(node, node.ask, rejected, transaction).message


def test_a_tenth_more_replaces_and_the_old_one_is_gone(node):
    sender = node.account(4)
    nonce = node.nonce(sender.address)
    node.automine(False)
    old = sent(sender, nonce=nonce)
    new = sent(sender, nonce=nonce, tip=1_100_000, max_fee=1_100_000_000)
    node.mine()
    assert node.receipt(old) is None and node.transaction(old) is None
    assert succeeded(node.receipt(new))


def test_a_fee_below_the_base_fee_is_stuck_until_it_is_replaced(node):
    sender = node.account(5)
    nonce = node.nonce(sender.address)
    stuck = sent(sender, nonce=nonce, tip=1, max_fee=2)
    node.mine(3)
    assert node.receipt(stuck) is None
    assert node.nonce(sender.address) == nonce and node.nonce(sender.address, "pending") == nonce + 1
    assert succeeded(node.receipt(sent(sender, nonce=nonce)))


def test_one_transaction_is_held_back_while_others_are_mined(node):
    node.automine(False)
    held, other = sent(node.account(6)), sent(node.account(7))
    node.hold(held)
    node.mine()
    assert node.receipt(held) is None and succeeded(node.receipt(other))
    node.release(held)
    node.mine()
    assert succeeded(node.receipt(held))


def test_a_dropped_transaction_is_unknown_and_its_nonce_free(node):
    sender = node.account(6)
    node.automine(False)
    dropped = sent(sender)
    node.drop(dropped)
    assert node.transaction(dropped) is None
    assert node.nonce(sender.address, "pending") == node.nonce(sender.address)


def test_a_tip_below_the_floor_is_underpriced():
    node = ChainNode(least_tip=10**6)
    try:
        assert "transaction underpriced" in refusal(node, sent, node.account(), tip=10**6 - 1).message
        assert sent(node.account(), tip=10**6)
    finally:
        node.stop()


# Blocks and time.

def test_manual_mining_puts_all_that_waits_into_one_block(node):
    height = node.height()
    with node.one_block():
        transactions = [sent(node.account(index)) for index in range(5)]
    assert node.height() == height + 1
    assert {int(node.receipt(each)["blockNumber"], 16) for each in transactions} == {height + 1}


def test_interval_mining_mines_by_itself():
    node = ChainNode(mine="interval:0.1")
    try:
        wait_until(lambda: node.height() >= 2, "two blocks")
    finally:
        node.stop()


def test_time_travels_forward_and_an_authorization_expires(token, rich):
    snapshot = token.node.snapshot()
    payment = rich.sign(token.asset, PAY_TO, PRICE, valid_before=now() + 3000)
    assert not refused_now(token, payment)
    token.node.advance(3001)
    assert "expired" in refusal(token.node, token.node.call, token.address, settle_data(payment)).message
    assert not succeeded(token.settle(payment))
    token.node.revert(snapshot)
    assert succeeded(token.settle(payment)), "a snapshot brings the time back as well"


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorganisation_takes_back_a_settlement_that_is_mined_again(token, rich, depth):
    node, payment = token.node, rich.sign(token.asset, PAY_TO, PRICE)
    settled = token.settle(payment)
    node.mine(depth - 1)
    height = node.height()
    node.reorganise(depth)
    assert node.height() == height + 1 and not token.is_used(payment) and not token.uses(payment)
    assert node.receipt(settled["transactionHash"]) is None
    assert node.transaction(settled["transactionHash"])["blockNumber"] is None, "it waits in the pool"
    assert node.ask("eth_getBlockByHash", settled["blockHash"], False) is None
    node.mine()
    again = node.receipt(settled["transactionHash"])
    assert succeeded(again) and again["blockHash"] != settled["blockHash"]
    assert token.uses(payment) == [settled["transactionHash"]]


def test_a_reorganisation_can_lose_a_settlement_for_good(token, rich):
    node, payment = token.node, rich.sign(token.asset, PAY_TO, PRICE)
    settled = token.settle(payment)
    node.reorganise(1, requeue=False)
    node.mine(2)
    assert node.transaction(settled["transactionHash"]) is None and not token.is_used(payment)
    assert succeeded(token.settle(payment)), "its authorization is as good as before"


def test_a_call_on_an_old_block_sees_the_old_state(token, rich):
    height, data = token.node.height(), "0x" + call_data("balanceOf(address)", PAY_TO).hex()
    request = {"to": token.address, "data": data}
    before = token.node.ask("eth_call", request, hex(height))
    assert succeeded(token.settle(rich.sign(token.asset, PAY_TO, PRICE)))
    assert token.node.ask("eth_call", request, hex(height)) == before
    assert int(token.node.ask("eth_call", request, "latest"), 16) == int(before, 16) + PRICE


# Faults.

def answer_of(node, method="eth_blockNumber"):
    """(status, body) of a call on a connection of its own, or the exception's type."""
    place = urlparse(node.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    try:
        connection.request("POST", "/", f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}')
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError as error:
        return type(error)
    finally:
        connection.close()


def test_an_error_comes_as_often_as_it_says_and_then_no_more(node):
    limit = {"code": -32005, "message": "limit"}
    node.fault({"method": "eth_blockNumber", "kind": "error", "times": 2, "skip": 1} | limit)
    assert node.height() > 0
    for _ in range(2):
        error = refusal(node, node.height)
        assert (error.code, error.message) == (-32005, "limit")
    assert node.height() > 0


@pytest.mark.parametrize(("fault", "status", "content"), [
    ({"kind": "http", "status": 429}, 429, b"injected"),
    ({"kind": "http", "status": 503}, 503, b"injected"),
    ({"kind": "garbage"}, 200, b"<html>"),
    ({"kind": "result", "result": "0x7"}, 200, b'"0x7"'),
    ({"kind": "delay", "seconds": 0.05}, 200, b'"result"'),
])
def test_other_answers_than_the_right_one(node, fault, status, content):
    node.fault({"method": "eth_blockNumber", "times": 1} | fault)
    found, body = answer_of(node)
    assert found == status and content in body
    assert answer_of(node)[0] == 200


def test_a_cut_connection_is_reset(node):
    node.fault({"method": "*", "kind": "cut", "times": 1})
    assert answer_of(node) is ConnectionResetError
    assert answer_of(node)[0] == 200


def test_a_hanging_call_ends_when_the_fault_does(node):
    node.fault({"method": "eth_blockNumber", "kind": "hang"})
    answers, began = [], time.monotonic()
    caller = threading.Thread(target=lambda: answers.append(answer_of(node)))
    caller.start()
    caller.join(0.3)
    assert caller.is_alive() and not answers
    node.heal()
    caller.join(10)
    assert answers == [ConnectionResetError] and time.monotonic() - began < 10


@pytest.mark.parametrize(("kind", "executed"), [
    ("drop", True), ("error_after", True), ("http_after", True), ("cut", False), ("error", False), ("http", False),
])
def test_of_each_fault_it_is_known_whether_the_transaction_was_taken(node, kind, executed):
    sender = node.account(8)
    nonce = node.nonce(sender.address)
    raw, transaction = sender.sign(DEAD, gas=21_000)
    node.fault({"method": "eth_sendRawTransaction", "kind": kind, "status": 502, "times": 1})
    with pytest.raises((Refused, OSError)):
        node.ask("eth_sendRawTransaction", raw)
    assert (node.receipt(transaction) is not None) is executed
    assert node.nonce(sender.address) == nonce + (1 if executed else 0)


def test_two_listeners_share_a_chain_and_no_faults():
    node = ChainNode(listeners=2)
    try:
        node.fault({"method": "*", "kind": "error"}, listener=1)
        transaction = sent(node.account())
        assert "injected" in refusal(node, node.ask, "eth_blockNumber", listener=1).message
        node.heal()
        assert node.ask("eth_getTransactionReceipt", transaction, listener=1)["status"] == "0x1"
        assert node.exchanges(listener=1) == [["eth_blockNumber"], ["eth_getTransactionReceipt"]]
    finally:
        node.stop()


def test_a_fault_can_choose_calls_by_what_they_say(node):
    node.fault({"method": "eth_getBalance", "containing": DEAD, "kind": "error"})
    assert node.coins(node.account().address) > 0
    assert refusal(node, node.coins, DEAD).message == "injected"


def test_the_log_has_each_exchange_with_its_calls(node):
    node.exchanges()
    node.height()
    calls = [{"jsonrpc": "2.0", "id": number, "method": method, "params": []}
             for number, method in enumerate(("eth_chainId", "eth_gasPrice"))]
    answers = node.post(calls)
    assert [answer["id"] for answer in answers] == [0, 1] and all("result" in answer for answer in answers)
    assert node.exchanges() == [["eth_blockNumber"], ["eth_chainId", "eth_gasPrice"]]
    assert node.exchanges() == []


def test_an_unknown_method_and_broken_json_are_answered(node):
    assert refusal(node, node.ask, "eth_nonsense").code == -32601
    place = urlparse(node.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    connection.request("POST", "/", "{")
    assert connection.getresponse().status == 400


# What nodes say of themselves.

def test_fees_follow_the_head(node):
    base = int(node.ask("eth_getBlockByNumber", "latest")["baseFeePerGas"], 16)
    history = node.ask("eth_feeHistory", "0x2", "latest", [50])
    assert int(history["baseFeePerGas"][1], 16) == base and len(history["baseFeePerGas"]) == 3
    assert history["reward"] == [["0xf4240"]] * 2
    following = int(history["baseFeePerGas"][2], 16)
    assert node.number("eth_gasPrice") == following + node.number("eth_maxPriorityFeePerGas")


def test_logs_are_found_by_range_by_block_and_by_alternatives(token, rich):
    payment = rich.sign(token.asset, PAY_TO, PRICE)
    receipt = token.settle(payment)
    number, node = int(receipt["blockNumber"], 16), token.node
    of_block = node.ask("eth_getLogs", {"blockHash": receipt["blockHash"]})
    assert of_block == receipt["logs"]
    either = node.ask("eth_getLogs", {"fromBlock": hex(number), "toBlock": hex(number + 100), "address": token.address,
                                      "topics": [[TRANSFER, AUTHORIZATION_USED]]})
    assert either == receipt["logs"]
    assert node.logs(token.address, [TRANSFER], first=number, last=hex(number)) == receipt["logs"][1:]
    backwards = {"fromBlock": hex(number), "toBlock": hex(number - 1)}
    assert "invalid block range" in refusal(node, node.ask, "eth_getLogs", backwards).message


def test_an_override_is_seen_by_its_call_alone(node):
    answering_7 = "0x600760005260206000f3"
    overridden = node.ask("eth_call", {"to": DEAD}, "latest", {DEAD: {"code": answering_7}})
    assert int(overridden, 16) == 7
    assert node.call(DEAD, b"") == "0x"


def test_a_node_ends_with_the_process_that_started_it():
    script = "import os; from chain.kit import ChainNode; print(ChainNode().url, flush=True); os._exit(0)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parent)
    place = urlparse(ended.stdout.strip())
    assert place.port, ended.stderr

    def is_gone():
        try:
            socket.create_connection((place.hostname, place.port), timeout=5).close()
        except OSError:
            return True
        return False

    wait_until(is_gone, "end of the node")
