"""Blocks, transactions, receipts and logs as JSON-RPC shows them."""

import rlp
from eth_utils import keccak

from .encoding import address, data, quantity, word

SUCCEEDED = b"\x01"
MERGED_NONCE = "0x0000000000000000"


def kind(transaction):
    return getattr(transaction, "type_id", 0) or 0


def effective_price(transaction, block):
    base_fee = block.header.base_fee_per_gas
    return min(transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas + base_fee)


def transaction_object(blockchain, transaction, block=None, index=None):
    shown = {
        "hash": data(transaction.hash), "nonce": quantity(transaction.nonce), "from": address(transaction.sender),
        "to": address(transaction.to), "value": quantity(transaction.value), "gas": quantity(transaction.gas),
        "input": data(transaction.data), "type": quantity(kind(transaction)),
        "v": quantity(getattr(transaction, "y_parity", 0)), "r": quantity(transaction.r), "s": quantity(transaction.s),
        "chainId": quantity(blockchain.chain_id), "blockHash": block and data(block.hash),
        "blockNumber": block and quantity(block.number),
        "transactionIndex": None if index is None else quantity(index),
    }
    if kind(transaction) != 2:
        return shown | {"gasPrice": quantity(transaction.gas_price)}
    price = effective_price(transaction, block) if block else transaction.max_fee_per_gas
    return shown | {
        "maxFeePerGas": quantity(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": quantity(transaction.max_priority_fee_per_gas),
        "gasPrice": quantity(price), "yParity": quantity(transaction.y_parity), "accessList": [],
    }


def block_logs(blockchain, block):
    """(transaction index, log) for every log of a block, in order."""
    number = 0
    for index, (transaction, receipt) in enumerate(zip(block.transactions, blockchain.receipts[block.hash])):
        for log in receipt.logs:
            yield index, {
                "address": address(log.address), "topics": [word(topic) for topic in log.topics],
                "data": data(log.data), "blockNumber": quantity(block.number), "blockHash": data(block.hash),
                "blockTimestamp": quantity(block.header.timestamp), "transactionHash": data(transaction.hash),
                "transactionIndex": quantity(index), "logIndex": quantity(number), "removed": False,
            }
            number += 1


def receipt_object(blockchain, transaction_hash):
    place = blockchain.place(transaction_hash)
    if place is None:
        return None
    block, index = place
    transaction, receipts = block.transactions[index], blockchain.receipts[block.hash]
    receipt = receipts[index]
    used = receipt.gas_used - (receipts[index - 1].gas_used if index else 0)
    created = None if transaction.to else keccak(rlp.encode([transaction.sender, transaction.nonce]))[12:]
    return {
        "transactionHash": data(transaction_hash), "transactionIndex": quantity(index), "blockHash": data(block.hash),
        "blockNumber": quantity(block.number), "from": address(transaction.sender), "to": address(transaction.to),
        "cumulativeGasUsed": quantity(receipt.gas_used), "gasUsed": quantity(used),
        "effectiveGasPrice": quantity(effective_price(transaction, block)), "type": quantity(kind(transaction)),
        "status": quantity(1 if receipt.state_root == SUCCEEDED else 0), "contractAddress": address(created),
        "logs": [log for of, log in block_logs(blockchain, block) if of == index],
        "logsBloom": data(receipt.bloom.to_bytes(256, "big")),
    }


def block_object(blockchain, block, full=False):
    header = block.header
    transactions = [
        transaction_object(blockchain, transaction, block, index) if full else data(transaction.hash)
        for index, transaction in enumerate(block.transactions)
    ]
    return {
        "number": quantity(block.number), "hash": data(block.hash), "parentHash": data(header.parent_hash),
        "nonce": MERGED_NONCE, "sha3Uncles": data(header.uncles_hash),
        "logsBloom": data(header.bloom.to_bytes(256, "big")), "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root), "receiptsRoot": data(header.receipt_root),
        "miner": address(header.coinbase), "difficulty": "0x0", "totalDifficulty": "0x0",
        "extraData": data(header.extra_data), "size": quantity(len(rlp.encode(header))),
        "gasLimit": quantity(header.gas_limit), "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp), "baseFeePerGas": quantity(header.base_fee_per_gas),
        "mixHash": data(header.mix_hash), "transactions": transactions, "uncles": [], "withdrawals": [],
    }


def matches(log, addresses, topics):
    """Whether a log passes a filter; a topic is None for any, one value, or a list of alternatives."""
    if addresses and log["address"] not in addresses or len(topics) > len(log["topics"]):
        return False
    for wanted, topic in zip(topics, log["topics"]):
        alternatives = [wanted] if isinstance(wanted, str) else wanted
        if wanted is not None and topic not in [alternative.lower() for alternative in alternatives]:
            return False
    return True
