"""The batching contract settles what can be settled, says what could not, and nothing it is handed sinks the others."""

import json
import re

import pytest
from chain import artifact, batch, batch_vectors, contracts
from chain.batch import Batcher, plain_call, signed_call, token_call
from chain.calls import call_data, settle_data
from chain.kit import ChainNode, Refused
from chain.tokens import Wallet, circle_behind_proxy, vyper_token
from kit.payments import Asset, Payer, now
from kit.routes import PAY_TO

PRICE = 10_000
DEAD = "0x000000000000000000000000000000000000dEaD"


class Shop:
    """A token, its batching contract, and payers with money."""

    def __init__(self, node, token):
        self.node, self.token, self.batcher = node, token, Batcher(node)

    def payer(self, amount=100 * PRICE):
        payer = Payer()
        self.token.fund(payer, amount=amount)
        return payer

    def pay(self, payer, **changes):
        changes = {"valid_before": now() + 3600} | changes
        return payer.sign(self.token.asset, PAY_TO, changes.pop("value", PRICE), **changes)

    def settle(self, data, count, **options):
        """Executes; returns (receipt, what was foreseen)."""
        foreseen = self.batcher.foresee(data, count)
        return self.batcher.execute(data, **options), foreseen

    def used(self, payments):
        return [self.token.is_used(payment) for payment in payments]


@pytest.fixture(scope="module")
def shops():
    opened, beginnings = {}, {}

    def open_shop(kind):
        node = ChainNode()
        try:
            return Shop(node, vyper_token(node) if kind == "vyper" else circle_behind_proxy(node))
        except contracts.NotToBeHad as reason:
            node.stop()
            pytest.skip(str(reason))

    def get(kind):
        if kind not in opened:
            opened[kind] = open_shop(kind)
        else:
            opened[kind].node.revert(beginnings[kind])
        beginnings[kind] = opened[kind].node.snapshot()
        return opened[kind]

    yield get
    for shop in opened.values():
        shop.node.stop()


@pytest.fixture(params=["vyper", "circle"])
def shop(request, shops):
    return shops(request.param)


@pytest.fixture
def wallet_shop(shops):
    """Its token takes signatures of contract wallets."""
    return shops("vyper")


# The forms that take signatures in parts; the third does too, when it is told so.
FORMS = {
    "plain": plain_call, "token": token_call,
    "signed": lambda payments: signed_call(payments, in_parts=range(len(payments))),
}


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


def spoiled(shop, payer):
    """One payment per way to be wrong, with the reason that the token gives."""
    used = shop.pay(payer)
    assert shop.token.settle(used)["status"] == "0x1"
    tampered = shop.pay(payer, domain={"chainId": 1})
    return {
        "authorization is used or canceled": used,
        "transfer amount exceeds balance": shop.pay(Payer()),
        "invalid signature": tampered,
        "authorization is expired": shop.pay(payer, valid_before=now() - 1),
        "authorization is not yet valid": shop.pay(payer, valid_after=now() + 1800),
        "invalid signature 's' value": shop.pay(payer).high_s(),
    }


# What is settled.

@pytest.mark.parametrize("count", [1, 2, 20])
def test_every_good_payment_is_settled(shop, form, count):
    payers = [Payer() for _ in range(count)]
    shop.token.fund(*payers)
    payments = [shop.pay(payer) for payer in payers]
    receipt, foreseen = shop.settle(form(payments), count)
    assert receipt["status"] == "0x1" and foreseen == [True] * count
    assert shop.used(payments) == [True] * count
    assert [each[:3] for each in shop.token.transfers(to=PAY_TO)] == [
        (payer.address, PAY_TO, PRICE) for payer in payers]
    assert len(receipt["logs"]) == 2 * count and not shop.batcher.failures(receipt)


def test_one_payer_pays_many_times_in_one_batch(shop, form):
    payer = shop.payer(amount=5 * PRICE)
    payments = [shop.pay(payer) for _ in range(5)]
    shop.settle(form(payments), 5)
    assert shop.used(payments) == [True] * 5 and shop.token.balance(payer.address) == 0


def test_no_bad_payment_sinks_the_good_ones(shop, form):
    payer = shop.payer()
    bad = spoiled(shop, payer)
    payments = [each for wrong in bad.values() for each in (wrong, shop.pay(payer))]
    before = shop.token.balance(PAY_TO)
    receipt, foreseen = shop.settle(form(payments), len(payments))
    assert receipt["status"] == "0x1"
    assert foreseen == [False, True] * len(bad)
    assert shop.token.balance(PAY_TO) == before + len(bad) * PRICE
    failures = shop.batcher.failures(receipt)
    assert [nonce for _, nonce, _ in failures] == [payment.nonce for payment in bad.values()]
    assert [authorizer for authorizer, _, _ in failures] == [payment.sender for payment in bad.values()]
    for reason, (_, _, said) in zip(bad, failures):
        assert reason.encode() in said


def test_a_payment_twice_in_one_batch_is_settled_once(shop, form):
    payment = shop.pay(shop.payer())
    receipt, foreseen = shop.settle(form([payment, payment]), 2)
    assert foreseen == [True, False]
    assert shop.token.uses(payment) == [receipt["transactionHash"]]
    assert shop.token.balance(PAY_TO) == PRICE


def test_a_batch_sent_again_moves_nothing(shop, form):
    payer = shop.payer()
    data = form([shop.pay(payer) for _ in range(3)])
    assert shop.settle(data, 3)[1] == [True] * 3
    receipt, foreseen = shop.settle(data, 3)
    assert receipt["status"] == "0x1" and foreseen == [False] * 3 and len(shop.batcher.failures(receipt)) == 3
    assert shop.token.balance(PAY_TO) == 3 * PRICE


def test_a_balance_that_suffices_for_two_pays_the_first_two(shop, form):
    payer = shop.payer(amount=2 * PRICE)
    _, foreseen = shop.settle(form([shop.pay(payer) for _ in range(3)]), 3)
    assert foreseen == [True, True, False]


def test_a_paused_token_fails_every_payment_and_not_the_call(shop, form):
    payments = [shop.pay(shop.payer()) for _ in range(2)]
    shop.token.pause()
    receipt, foreseen = shop.settle(form(payments), 2)
    assert receipt["status"] == "0x1" and foreseen == [False] * 2
    assert all(b"paused" in reason for _, _, reason in shop.batcher.failures(receipt))


def test_an_empty_batch_does_nothing(shop):
    for data in (call_data(batch.EXECUTE, []), call_data(batch.EXECUTE_TOKEN, shop.token.address, 1, []),
                 call_data(batch.EXECUTE_SIGNED, shop.token.address, 1, [])):
        receipt, foreseen = shop.settle(data, 0)
        assert receipt["status"] == "0x1" and foreseen == [] and not receipt["logs"]


def test_anyone_may_execute_it_and_the_money_goes_where_it_was_signed_for(shop, form):
    stranger, payment = shop.node.account(5), shop.pay(shop.payer())
    receipt = stranger.try_transact(shop.batcher.address, form([payment]))
    assert receipt["status"] == "0x1"
    assert shop.token.balance(PAY_TO) == PRICE and shop.token.balance(stranger.address) == 0


def test_two_tokens_share_the_plain_form(shops):
    shop = shops("vyper")
    other = Shop(shop.node, vyper_token(shop.node, name="Other Dollar"))
    payments = [shop.pay(shop.payer()), other.pay(other.payer())]
    _, foreseen = shop.settle(plain_call(payments), 2)
    assert foreseen == [True, True]
    assert shop.token.balance(PAY_TO) == other.token.balance(PAY_TO) == PRICE


# Contract wallets.

def test_a_contract_wallet_pays_among_accounts(wallet_shop):
    shop, wallet = wallet_shop, Wallet(wallet_shop.node, Payer())
    shop.token.fund(wallet)
    payer = shop.payer()
    long = shop.pay(wallet)
    payments = [shop.pay(payer), shop.pay(wallet), long.with_signature(long.signature + "ab" * 700), shop.pay(payer)]
    _, foreseen = shop.settle(signed_call(payments, in_parts=[0, 3]), 4)
    assert foreseen == [True] * 4 and shop.used(payments) == [True] * 4


def test_a_wallet_that_refuses_is_passed_over(wallet_shop):
    shop, wallet = wallet_shop, Wallet(wallet_shop.node, Payer())
    shop.token.fund(wallet)
    wallet.set_mood("refusing")
    payments = [shop.pay(wallet), shop.pay(shop.payer())]
    receipt, foreseen = shop.settle(signed_call(payments), 2)
    assert foreseen == [False, True]
    assert b"invalid signature" in shop.batcher.failures(receipt)[0][2]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_wallet_that_burns_gas_burns_its_cap_and_no_more(wallet_shop, place):
    shop, wallet, cap = wallet_shop, Wallet(wallet_shop.node, Payer()), 120_000
    shop.token.fund(wallet)
    wallet.set_mood("burning")
    payments = [shop.pay(shop.payer()) for _ in range(3)]
    payments[place] = shop.pay(wallet)
    receipt, foreseen = shop.settle(signed_call(payments, gas_cap=cap), 3)
    assert foreseen == [index != place for index in range(3)] == shop.used(payments)
    assert cap < int(receipt["gasUsed"], 16) < cap + 250_000
    assert shop.batcher.failures(receipt)[0][2] == b"", "who runs out of gas says nothing"


def test_thirty_burning_wallets_cannot_take_the_gas_of_the_last_payment(wallet_shop):
    shop, wallet, cap = wallet_shop, Wallet(wallet_shop.node, Payer()), 100_000
    shop.token.fund(wallet)
    wallet.set_mood("burning")
    payments = [shop.pay(wallet) for _ in range(30)] + [shop.pay(shop.payer())]
    data = signed_call(payments, gas_cap=cap)
    receipt, foreseen = shop.settle(data, 31, gas=batch.gas_limit(data, 31, cap))
    assert receipt["status"] == "0x1"
    assert foreseen == [False] * 30 + [True] and shop.token.is_used(payments[-1])


# Gas.

def test_too_small_a_cap_fails_payments_one_by_one(shop, form):
    payments = [shop.pay(shop.payer()) for _ in range(2)]
    for data in (token_call(payments, gas_cap=20_000), signed_call(payments, gas_cap=20_000, in_parts=[0, 1])):
        receipt, foreseen = shop.settle(data, 2)
        assert receipt["status"] == "0x1" and foreseen == [False, False] and shop.used(payments) == [False, False]


def test_too_little_gas_reverts_the_whole_rather_than_fail_a_payment(wallet_shop):
    """Otherwise whoever sends the transaction could make good payments fail, and an estimate would come out too low.

    A payment that is starved leaves a 64th of the gas, which is enough to report it where it uses much.
    """
    shop, wallet, cap = wallet_shop, Wallet(wallet_shop.node, Payer()), 600_000
    shop.token.fund(wallet)
    wallet.set_mood("slow")
    payments = [shop.pay(wallet) for _ in range(2)]
    data, outcomes = signed_call(payments, gas_cap=cap), []
    for gas in range(500_000, 1_600_000, 50_000):
        snapshot = shop.node.snapshot()
        receipt = shop.batcher.execute(data, gas=gas)
        assert not shop.batcher.failures(receipt)
        outcomes.append(receipt["status"])
        assert shop.used(payments) == [receipt["status"] == "0x1"] * 2
        shop.node.revert(snapshot)
    assert outcomes == sorted(outcomes) and set(outcomes) == {"0x0", "0x1"}


@pytest.mark.parametrize("count", [1, 10])
def test_what_a_node_estimates_settles_them_all(shop, form, count):
    payers = [Payer() for _ in range(count)]
    shop.token.fund(*payers)
    payments = [shop.pay(payer) for payer in payers]
    data = form(payments)
    asked = {"from": shop.batcher.account.address, "to": shop.batcher.address, "data": "0x" + data.hex()}
    receipt = shop.batcher.execute(data, gas=shop.node.number("eth_estimateGas", asked))
    assert receipt["status"] == "0x1" and shop.used(payments) == [True] * count


def test_the_most_that_fit_are_settled_within_one_transaction_s_gas(shops):
    """256 payments stay below the 2^24 of EIP-7825."""
    shop = shops("circle")
    payers = [Payer() for _ in range(256)]
    shop.token.fund(*payers)
    payments = [shop.pay(payer) for payer in payers]
    receipt = shop.batcher.execute(token_call(payments), gas=2**24)
    assert receipt["status"] == "0x1" and len(receipt["logs"]) == 512


@pytest.mark.parametrize("count", [1, 32])
def test_the_gas_limit_suffices_when_every_payment_fails(shop, form, count):
    payments = [shop.pay(Payer()) for _ in range(count)]
    for payments_of_form, cap in ((form(payments), batch.GAS_CAP), (token_call(payments, gas_cap=60_000), 60_000)):
        receipt = shop.batcher.execute(payments_of_form, gas=batch.gas_limit(payments_of_form, count, cap))
        assert receipt["status"] == "0x1" and len(shop.batcher.failures(receipt)) == count


@pytest.mark.parametrize(("payers", "share"), [(50, 0.55), (1, 0.48)])
def test_fifty_together_cost_about_half_of_fifty_singles(shops, payers, share):
    shop = shops("circle")
    known = [Payer() for _ in range(payers)]
    shop.token.fund(*known, Payer())
    shop.token.mint(PAY_TO, 1)
    single = int(shop.token.settle(shop.pay(known[0]))["gasUsed"], 16)
    receipt = shop.batcher.execute(token_call([shop.pay(known[index % payers]) for index in range(50)]))
    assert len(receipt["logs"]) == 100
    assert int(receipt["gasUsed"], 16) / 50 <= share * single


# What the caller does wrong.

def refused(shop, data):
    with pytest.raises(Refused) as caught:
        shop.node.call(shop.batcher.address, data)
    return caught.value.message


def with_word(data, index, value):
    """The call with one of its words replaced."""
    start = 4 + 32 * index
    return data[:start] + value.to_bytes(32, "big") + data[start + 32:]


def test_malformed_calls_are_refused_whole(shop):
    payments = [shop.pay(shop.payer())]
    plain, token = plain_call(payments), token_call(payments)
    malformed = [
        plain[:-1], plain + b"\0", with_word(plain, 0, 64), with_word(plain, 1, 2), with_word(plain, 1, 2**256 - 1),
        with_word(plain, 2, 2**255), token[:-32], token + b"\0", with_word(token, 2, 128), with_word(token, 3, 0),
        with_word(token, 3, 257), with_word(token, 3, 2**251 + 1), with_word(token, 1, 2**256 - 1),
        b"", b"\x01", b"\xde\xad\xbe\xef", settle_data(payments[0]),
    ]
    for data in malformed:
        refused(shop, data)


def test_an_address_with_dirty_upper_bytes_fails_alone(shop):
    payments = [shop.pay(shop.payer()) for _ in range(2)]
    dirty = int(payments[0].sender, 16) | 1 << 200
    data = with_word(token_call(payments), 4, dirty)
    receipt, foreseen = shop.settle(data, 2)
    if foreseen[0]:
        # A compiler before 0.8 may cut them off instead; then it is the payment that was signed.
        assert shop.used(payments) == [True, True]
    else:
        assert shop.batcher.failures(receipt)[0][0] == payments[0].sender
    assert foreseen[1] and shop.token.is_used(payments[1])


def test_a_token_without_code_is_no_success(shop):
    nothing = Asset("nothing", shop.token.asset.chain_id, DEAD, "Nothing", None)
    payment, good = Payer().sign(nothing, PAY_TO, PRICE), shop.pay(shop.payer())
    assert "no token" in refused(shop, token_call([payment]))
    assert "no token" in refused(shop, signed_call([payment]))
    receipt, foreseen = shop.settle(plain_call([payment, good]), 2)
    assert foreseen == [False, True] and len(shop.batcher.failures(receipt)) == 1


def test_no_other_function_of_the_token_can_be_called(wallet_shop):
    """The selector is always put before what is handed over, so that nothing can be approved in the contract's name."""
    shop, approval = wallet_shop, call_data("approve(address,uint256)", DEAD, PRICE)
    for arguments in (approval.ljust(288, b"\0"), approval[4:].ljust(288, b"\0")):
        data = call_data(batch.EXECUTE_SIGNED, shop.token.address, batch.GAS_CAP, [arguments])
        assert shop.settle(data, 1)[1] == [False]
    allowance = shop.node.call(shop.token.address, call_data("allowance(address,address)", shop.batcher.address, DEAD))
    assert int(allowance, 16) == 0


def test_it_takes_no_coins_and_stores_nothing(shop):
    sender = shop.node.account(3)
    assert sender.try_transact(shop.batcher.address, token_call([shop.pay(shop.payer())]), value=1)["status"] == "0x0"
    assert sender.try_transact(shop.batcher.address, b"", value=1)["status"] == "0x0"
    shop.settle(token_call([shop.pay(shop.payer())]), 1)
    assert int(shop.node.ask("eth_getStorageAt", shop.batcher.address, "0x0", "latest"), 16) == 0
    assert shop.token.balance(shop.batcher.address) == 0


# What is committed.

def test_the_artifact_is_what_the_source_compiles_to():
    built, committed = artifact.built(), artifact.committed()
    assert {key for key in built if built[key] != committed.get(key)} == set(), "dev/build-contract writes it anew"


def test_swift_holds_the_same_bytecode():
    digits = "".join(re.findall(r"^        ([0-9a-f]+)\\?$", artifact.SWIFT.read_text(), re.MULTILINE))
    assert "0x" + digits == artifact.committed()["bytecode"]


def test_what_is_deployed_is_the_committed_runtime(shops):
    shop = shops("vyper")
    assert shop.node.ask("eth_getCode", shop.batcher.address, "latest") == artifact.committed()["bytecode_runtime"]


def test_the_calls_have_the_selectors_that_the_artifact_describes():
    described = {each["name"]: each for each in artifact.committed()["abi"] if each["type"] == "function"}
    for signature in (batch.EXECUTE, batch.EXECUTE_TOKEN, batch.EXECUTE_SIGNED):
        name = signature[:signature.index("(")]
        assert signature == name + type_of({"type": "tuple", "components": described[name]["inputs"]})


def type_of(described):
    kind = described["type"]
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(map(type_of, described["components"])) + ")" + kind.removeprefix("tuple")


def test_the_vectors_of_the_unit_tests_are_what_the_chain_does():
    committed = json.loads(batch_vectors.FILE.read_text())
    assert batch_vectors.built() == committed, "python -m chain.batch_vectors writes them anew"
    for vector in committed:
        assert batch.results(vector["returned"], len(vector["items"])) == vector["settled"]
