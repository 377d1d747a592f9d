"""Calls of the batching contract: built by hand from its documentation, and what they left in the logs."""

from eth_abi import decode

from .calls import TRANSFER_WITH_BYTES, TRANSFER_WITH_PARTS, call_data, checksummed, parts, settle_data, topic, window
from .artifact import committed

GAS_CAP = 200_000

ITEM = "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
PAYMENT = "(address,address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
EXECUTE = f"batchExecute({PAYMENT}[])"
EXECUTE_TOKEN = f"batchExecuteToken(address,uint256,{ITEM}[])"
EXECUTE_SIGNED = "batchExecuteSigned(address,uint256,bytes[])"
FAILED = topic("PaymentFailed(address,bytes32,bytes)")


def plain_call(payments):
    """Each payment names its token."""
    items = [(payment.asset.address, *window(payment), *parts(payment)) for payment in payments]
    return call_data(EXECUTE, items)


def token_call(payments, gas_cap=GAS_CAP):
    """All payments are of one token: the cheaper form."""
    items = [(*window(payment), *parts(payment)) for payment in payments]
    return call_data(EXECUTE_TOKEN, payments[0].asset.address, gas_cap, items)


def signed_call(payments, gas_cap=GAS_CAP, in_parts=()):
    """Signatures as bytes, but for the indices of `in_parts`."""
    arguments = [
        arguments_in_parts(payment) if index in in_parts else arguments_with_bytes(payment)
        for index, payment in enumerate(payments)
    ]
    return call_data(EXECUTE_SIGNED, payments[0].asset.address, gas_cap, arguments)


def arguments_in_parts(payment):
    return call_data(TRANSFER_WITH_PARTS, *window(payment), *parts(payment))[4:]


def arguments_with_bytes(payment):
    return call_data(TRANSFER_WITH_BYTES, *window(payment), bytes.fromhex(payment.signature[2:]))[4:]


def multicall(payments):
    """The same through Multicall3, which caps no payment's gas."""
    calls = [(payment.asset.address, True, settle_data(payment)) for payment in payments]
    return call_data("aggregate3((address,bool,bytes)[])", calls)


def gas_limit(data, count, gas_cap=GAS_CAP):
    """With this much, nothing that a payment does can revert the call: what the program sends it with."""
    return 21_000 + 16 * len(data) + 30_000 + count * (gas_cap + 8_000) + gas_cap // 63 + 10_000


def results(returned, count):
    """One truth value per payment out of what a call returned."""
    assert len(returned) == 66, "one word"
    bits = int(returned, 16)
    assert bits < 1 << count, "no bit without a payment"
    return [bool(bits >> index & 1) for index in range(count)]


class Batcher:
    """The deployed contract."""

    def __init__(self, node, deployer=None):
        self.node, self.account = node, deployer or node.account()
        self.address = self.account.deploy(committed()["bytecode"])

    def foresee(self, data, count):
        """The results that the call would have now."""
        return results(self.node.call(self.address, data), count)

    def execute(self, data, gas=15_000_000, **options):
        return self.account.try_transact(self.address, data, gas=gas, **options)

    def failures(self, receipt):
        """(authorizer, nonce, reason) of each payment that the transaction passed over."""
        return [
            (checksummed("0x" + log["topics"][1][-40:]), log["topics"][2],
             decode(["bytes"], bytes.fromhex(log["data"][2:]))[0])
            for log in receipt["logs"] if log["topics"][0] == FAILED
        ]
