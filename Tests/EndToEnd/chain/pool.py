"""The transaction pool: what geth's lets in, what it replaces, and in which order it is mined."""

from dataclasses import dataclass

from .encoding import RPCError

# Both fees must rise by a tenth before a transaction takes another's place (geth's default price bump).
REPLACEMENT_BUMP_PERCENT = 10


def refuse(message):
    raise RPCError(-32000, message)


@dataclass(frozen=True)
class Pooled:
    transaction: object
    arrival: int


class TransactionPool:
    """Pending and queued transactions by sender and nonce."""

    def __init__(self, chain_id, least_tip):
        self.chain_id, self.least_tip = chain_id, least_tip
        self.senders = {}
        self.held = set()
        self.arrivals = 0

    def __iter__(self):
        return (pooled.transaction for queue in self.senders.values() for pooled in queue.values())

    def find(self, transaction_hash):
        return next((transaction for transaction in self if transaction.hash == transaction_hash), None)

    def admit(self, transaction, state, head):
        """Puts a transaction in, or answers with geth's words why not."""
        self._check_identity(transaction, state)
        self._check_cost(transaction, state, head)
        self._check_replacement(transaction)
        self.restore(transaction)

    def _check_identity(self, transaction, state):
        signed_for = getattr(transaction, "chain_id", None)
        if signed_for not in (None, self.chain_id):
            refuse(f"invalid chain id for signer: have {signed_for} want {self.chain_id}")
        if self.find(transaction.hash) is not None:
            refuse("already known")
        due = state.get_nonce(transaction.sender)
        if transaction.nonce < due:
            refuse(f"nonce too low: next nonce {due}, tx nonce {transaction.nonce}")

    def _check_cost(self, transaction, state, head):
        if transaction.gas < transaction.intrinsic_gas:
            refuse(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}")
        if transaction.gas > head.header.gas_limit:
            refuse("exceeds block gas limit")
        tip, ceiling = transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas
        if tip > ceiling:
            refuse("max priority fee per gas higher than max fee per gas")
        if tip < self.least_tip:
            refuse(f"transaction underpriced: tip needed {self.least_tip}, tip permitted {tip}")
        cost, balance = transaction.gas * ceiling + transaction.value, state.get_balance(transaction.sender)
        if balance < cost:
            refuse("insufficient funds for gas * price + value: "
                   f"balance {balance}, tx cost {cost}, overshot {cost - balance}")

    def _check_replacement(self, transaction):
        pooled = self.senders.get(transaction.sender, {}).get(transaction.nonce)
        if pooled is None:
            return
        old, factor = pooled.transaction, 100 + REPLACEMENT_BUMP_PERCENT
        if (transaction.max_fee_per_gas * 100 < old.max_fee_per_gas * factor
                or transaction.max_priority_fee_per_gas * 100 < old.max_priority_fee_per_gas * factor):
            refuse("replacement transaction underpriced")

    def restore(self, transaction):
        """Puts a transaction in without asking, as a reorganisation does."""
        self.arrivals += 1
        queue = self.senders.setdefault(transaction.sender, {})
        queue[transaction.nonce] = Pooled(transaction, self.arrivals)

    def drop(self, transaction):
        queue = self.senders.get(transaction.sender, {})
        pooled = queue.get(transaction.nonce)
        if pooled is not None and pooled.transaction.hash == transaction.hash:
            del queue[transaction.nonce]
        self._forget_empty()

    def copy(self):
        copied = TransactionPool(self.chain_id, self.least_tip)
        copied.senders = {sender: dict(queue) for sender, queue in self.senders.items()}
        copied.held, copied.arrivals = set(self.held), self.arrivals
        return copied

    def _forget_empty(self):
        self.senders = {sender: queue for sender, queue in self.senders.items() if queue}

    def next_nonce(self, sender, state):
        """The first nonce after what is mined and what follows it here without a gap."""
        nonce, queue = state.get_nonce(sender), self.senders.get(sender, {})
        while nonce in queue:
            nonce += 1
        return nonce

    def in_order(self, state, base_fee):
        """What can be mined now: nonces in order per sender, the highest tip first among senders."""
        due = {sender: state.get_nonce(sender) for sender in self.senders}
        order = []
        while candidates := list(self._candidates(due, base_fee)):
            _, _, sender, transaction = min(candidates, key=lambda candidate: candidate[:2])
            order.append(transaction)
            due[sender] += 1
        return order

    def _candidates(self, due, base_fee):
        for sender, nonce in due.items():
            pooled = self.senders[sender].get(nonce)
            if pooled is None:
                continue
            transaction = pooled.transaction
            if transaction.max_fee_per_gas >= base_fee and transaction.hash not in self.held:
                tip = min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee)
                yield -tip, pooled.arrival, sender, transaction
