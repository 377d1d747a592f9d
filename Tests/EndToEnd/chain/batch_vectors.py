"""Vectors for those who call the batching contract from another language: `python -m chain.batch_vectors` writes them.

Each is a call that was executed on the chain of the tests, with what it returned and logged. Keys, nonces and addresses
are constant, so the file is the same every time; a test compares it.
"""

import json

from eth_account import Account
from kit.payments import Payer

from .accounts import KEYS
from .artifact import ROOT
from .batch import FAILED, Batcher, gas_limit, parts, signed_call, token_call
from .kit import ChainNode
from .tokens import vyper_token

FILE = ROOT / "Tests" / "EVMTests" / "Resources" / "batch-vectors.json"
PAYEE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
YEAR_2100 = 4_102_444_800
AMOUNT = 2_500_000


def authorizations(asset):
    """Five payers of whom the third has no money, with constant nonces."""
    return [
        Payer(key).sign(asset, PAYEE, AMOUNT + index, valid_after=index, valid_before=YEAR_2100 + index,
                        nonce="0x" + bytes([index + 1] * 32).hex())
        for index, key in enumerate(KEYS[1:6])
    ]


def cases(payments):
    """(name, payments, indices whose signature is in parts, gas cap)."""
    padded = payments[3].with_signature(payments[3].signature + "00" * 35)
    yield "one payment", payments[:1], [0], 150_000
    yield "a payer without money among five", payments, [0, 1, 2, 3, 4], 200_000
    yield "a cap too small for any", payments[:2], [0, 1], 20_000
    yield "signatures as bytes and in parts", payments[:3], [1], 200_000
    yield "a signature of a length that no account has", [padded, payments[4]], [1], 200_000


def executed(node, batcher, case):
    """A vector: the call, what it returns, and what it logs of failures."""
    name, payments, in_parts, gas_cap = case
    whole = len(in_parts) == len(payments)
    data = token_call(payments, gas_cap) if whole else signed_call(payments, gas_cap, in_parts)
    returned = node.call(batcher.address, data)
    snapshot = node.snapshot()
    receipt = batcher.execute(data, gas=gas_limit(data, len(payments), gas_cap))
    node.revert(snapshot)
    return {
        "name": name, "token": payments[0].asset.address, "gasCap": gas_cap,
        "items": [item(payment, index in in_parts) for index, payment in enumerate(payments)],
        "callData": "0x" + data.hex(), "gasLimit": gas_limit(data, len(payments), gas_cap), "returned": returned,
        "settled": [payment.nonce in used_nonces(receipt) for payment in payments],
        "failures": [
            {"topics": log["topics"], "data": log["data"]} for log in receipt["logs"] if log["topics"][0] == FAILED
        ],
    }


def used_nonces(receipt):
    """Of the authorizations that the token itself says it used."""
    return {log["topics"][2] for log in receipt["logs"] if len(log["topics"]) == 3 and log["data"] == "0x"}


def item(payment, in_parts):
    v, r, s = parts(payment)
    signed = {"v": v, "r": "0x" + r.hex(), "s": "0x" + s.hex()} if in_parts else {"signature": payment.signature}
    return payment.authorization | signed


def built():
    node = ChainNode()
    try:
        token = vyper_token(node)
        payments = authorizations(token.asset)
        rich = [Account.from_key(key) for index, key in enumerate(KEYS[1:6]) if index != 2]
        token.fund(*rich)
        batcher = Batcher(node, node.account(9))
        return [executed(node, batcher, case) for case in cases(payments)]
    finally:
        node.stop()


if __name__ == "__main__":
    FILE.write_text(json.dumps(built(), indent=1) + "\n")
    print(FILE.relative_to(ROOT))
