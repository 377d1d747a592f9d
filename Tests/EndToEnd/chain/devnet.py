"""A chain that does what a test says: it mines when told, travels in time, takes blocks back."""

import threading
import time

from .blockchain import Blockchain
from .encoding import RPCError
from .pool import TransactionPool

TICK_SECONDS = 0.02


class DevNet:
    """Blockchain, pool and mining mode behind one lock; whoever calls holds `lock`."""

    def __init__(self, chain_id, alloc, gas_limit=60_000_000, base_fee=10**7, mode="auto", least_tip=0):
        self.lock = threading.RLock()
        self.blockchain = Blockchain(chain_id, alloc, gas_limit, base_fee)
        self.pool = TransactionPool(chain_id, least_tip)
        self.snapshots = {}
        self.snapshot_count = 0
        self.set_mode(mode)
        threading.Thread(target=self._tick, daemon=True).start()

    def set_mode(self, mode):
        """`auto` mines each transaction as it comes, `manual` when told, `interval:SECONDS` by the clock."""
        name, _, seconds = mode.partition(":")
        if name not in ("auto", "manual", "interval"):
            raise RPCError(-32602, f"no such mining mode: {mode}")
        self.automatic = name == "auto"
        self.interval = float(seconds) if name == "interval" else 0

    def _tick(self):
        last = time.monotonic()
        while True:
            time.sleep(TICK_SECONDS)
            if self.interval and time.monotonic() - last >= self.interval:
                last = time.monotonic()
                with self.lock:
                    self.mine()

    def state(self):
        return self.blockchain.state_after(self.blockchain.head)

    def mine(self, count=1, empty=False):
        for _ in range(count):
            header = self.blockchain.new_header()
            ready = [] if empty else self.pool.in_order(self.state(), header.base_fee_per_gas)
            block, invalid = self.blockchain.extend(header, ready)
            for transaction in (*block.transactions, *invalid):
                self.pool.drop(transaction)

    def send(self, raw):
        """Takes a signed transaction; returns its hash."""
        try:
            transaction = self.blockchain.decode(raw)
            transaction.sender  # recovers the signature
        except Exception as error:
            raise RPCError(-32602, f"invalid transaction: {type(error).__name__}: {error}") from None
        self.pool.admit(transaction, self.state(), self.blockchain.head)
        if self.automatic:
            self.mine()
        return transaction.hash

    def release(self, transaction_hash):
        self.pool.held.discard(transaction_hash)
        if self.automatic:
            self.mine()

    def reorganise(self, depth, requeue, empty, blocks):
        """Takes back the newest blocks and puts `blocks` new ones in their place.

        The orphans' transactions return to the pool if `requeue`; the new blocks leave the pool alone if `empty`.
        """
        height = self.blockchain.head.number - depth
        if height < 0:
            raise RPCError(-32000, "reorg too deep")
        orphans = self.blockchain.rewind(height)
        for transaction in orphans if requeue else ():
            self.pool.restore(transaction)
        self.mine(depth + 1 if blocks is None else blocks, empty)
        return self.blockchain.head.hash

    def snapshot(self):
        self.snapshot_count += 1
        taken = (self.blockchain.head.number, self.blockchain.time_offset, self.pool.copy())
        self.snapshots[self.snapshot_count] = taken
        return self.snapshot_count

    def revert(self, number):
        """Back to a snapshot, pool and clock included; it and later ones are used up. False where there is none."""
        if number not in self.snapshots:
            return False
        height, self.blockchain.time_offset, self.pool = self.snapshots[number]
        self.snapshots = {other: taken for other, taken in self.snapshots.items() if other < number}
        self.blockchain.rewind(height)
        return True

    def set_next_timestamp(self, timestamp):
        if timestamp <= self.blockchain.head.header.timestamp:
            raise RPCError(-32000, "timestamp not after the head block")
        self.blockchain.next_timestamp = timestamp
        self.blockchain.time_offset = timestamp - int(time.time())
