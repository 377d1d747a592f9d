"""Blocks and their execution: py-evm under Prague rules, with an index of its own so that a head can be taken back."""

import os
import time

from eth.chains.base import MiningChain
from eth.db import get_db_backend
from eth.vm.forks import PragueVM
from eth_utils import ValidationError

NOBODY = b"\0" * 20
GENESIS_AGE_SECONDS = 3600


def chain_class(identifier):
    class Chain(MiningChain):
        chain_id = identifier
        vm_configuration = ((0, PragueVM),)

        def create_header_from_parent(self, parent, **changes):
            # py-evm lets the gas limit drift with use; a test wants the one it asked for.
            return super().create_header_from_parent(parent, **{"gas_limit": parent.gas_limit} | changes)

    return Chain


def genesis_header(gas_limit, base_fee):
    return {
        "coinbase": NOBODY, "difficulty": 0, "extra_data": b"", "gas_limit": gas_limit, "mix_hash": b"\0" * 32,
        "nonce": b"\0" * 8, "timestamp": int(time.time()) - GENESIS_AGE_SECONDS, "base_fee_per_gas": base_fee,
    }


class Blockchain:
    """The canonical blocks, their receipts and transactions, and the clock that new blocks are stamped with."""

    def __init__(self, chain_id, alloc, gas_limit, base_fee):
        self.chain_id = chain_id
        self.chain = chain_class(chain_id).from_genesis(get_db_backend(), genesis_header(gas_limit, base_fee), alloc)
        genesis = self.chain.get_canonical_block_by_number(0)
        self.blocks = [genesis]
        self.by_hash = {genesis.hash: genesis}
        self.receipts = {genesis.hash: ()}
        self.places = {}  # transaction hash → (block hash, index)
        self.time_offset = 0
        self.next_timestamp = None

    @property
    def head(self):
        return self.blocks[-1]

    @property
    def next_base_fee(self):
        return self.chain.create_header_from_parent(self.head.header).base_fee_per_gas

    def now(self):
        return int(time.time()) + self.time_offset

    def state_after(self, block):
        return self.chain.get_vm(block.header).state

    def decode(self, raw):
        return self.chain.get_vm(self.chain.header).get_transaction_builder().decode(raw)

    def canonical(self, block_hash):
        """A block by hash, if a reorganisation has not taken it back."""
        block = self.by_hash.get(block_hash)
        return block if block is not None and block in self.blocks else None

    def place(self, transaction_hash):
        """(block, index) of a mined transaction."""
        place = self.places.get(transaction_hash)
        return place and (self.by_hash[place[0]], place[1])

    def new_header(self):
        """Siblings at one height must differ, so each header carries chance of its own."""
        parent = self.head.header
        timestamp = max(parent.timestamp + 1, self.next_timestamp or self.now())
        self.next_timestamp = None
        return self.chain.create_header_from_parent(
            parent, timestamp=timestamp, mix_hash=os.urandom(32), extra_data=os.urandom(8))

    def extend(self, header, transactions):
        """Executes what fits and is valid into a block on the head; returns (block, transactions that were invalid)."""
        vm = self.chain.get_vm(header)
        done, receipts, invalid = [], [], []
        for transaction in transactions:
            if header.gas_used + transaction.gas > header.gas_limit:
                continue
            try:
                receipt, _ = vm.apply_transaction(header, transaction)
            except ValidationError:
                invalid.append(transaction)
                continue
            header = vm.increment_blob_gas_used(vm.add_receipt_to_header(header, receipt), transaction)
            done.append(transaction)
            receipts.append(receipt)
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(), header, tuple(done), tuple(receipts), withdrawals=())
        block = vm.mine_block(filled).block
        self.chain.validate_block(block)
        self.chain.chaindb.persist_block(block)
        self._append(block, receipts)
        return block, invalid

    def _append(self, block, receipts):
        self.blocks.append(block)
        self.by_hash[block.hash] = block
        self.receipts[block.hash] = tuple(receipts)
        for index, transaction in enumerate(block.transactions):
            self.places[transaction.hash] = (block.hash, index)
        self.chain.header = self.chain.create_header_from_parent(block.header)

    def rewind(self, height):
        """Takes back every block above a height; returns their transactions in order."""
        gone, self.blocks = self.blocks[height + 1:], self.blocks[:height + 1]
        orphans = [transaction for block in gone for transaction in block.transactions]
        for transaction in orphans:
            self.places.pop(transaction.hash, None)
        database = self.chain.chaindb
        database._set_as_canonical_chain_head(database.db, self.head.header, b"\0" * 32)
        self.chain.header = self.chain.create_header_from_parent(self.head.header)
        return orphans
