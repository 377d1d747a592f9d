"""The JSON-RPC methods: those of every node, and those that bend this one (named as anvil or hardhat name them)."""

from . import rendering, simulation
from .encoding import RPCError, address, as_bytes, as_number, data, quantity, word

TIP = 10**6
NEWEST = (None, "latest", "pending", "safe", "finalized")
MOST_FEE_BLOCKS = 1024

TABLE = {}


def method(*names):
    """Enters a function under its JSON-RPC names; it gets the methods object and the call's parameters."""

    def enter(function):
        TABLE.update(dict.fromkeys(names, function))
        return function

    return enter


class Methods:
    """Answers calls on one network, one at a time."""

    def __init__(self, net):
        self.net = net
        self.blockchain = net.blockchain

    def answer(self, name, parameters):
        if name not in TABLE:
            raise RPCError(-32601, f"the method {name} does not exist/is not available")
        with self.net.lock:
            return TABLE[name](self, *parameters)

    def block(self, tag):
        """The block of a number, a tag or an EIP-1898 object."""
        if isinstance(tag, dict):
            if "blockHash" in tag:
                return self._block_by_hash(tag["blockHash"])
            tag = tag.get("blockNumber")
        if tag in NEWEST:
            return self.blockchain.head
        number = 0 if tag == "earliest" else as_number(tag)
        if number >= len(self.blockchain.blocks):
            raise RPCError(-32000, "header not found")
        return self.blockchain.blocks[number]

    def _block_by_hash(self, block_hash):
        block = self.blockchain.canonical(as_bytes(block_hash))
        if block is None:
            raise RPCError(-32000, "header for hash not found")
        return block

    def state(self, tag):
        return self.blockchain.state_after(self.block(tag))

    @property
    def pool(self):
        return self.net.pool

    @property
    def tip(self):
        return max(self.pool.least_tip, TIP)


@method("eth_chainId")
def chain_id(methods):
    return quantity(methods.blockchain.chain_id)


@method("net_version")
def network_version(methods):
    return str(methods.blockchain.chain_id)


@method("web3_clientVersion")
def client_version(methods):
    return "farebox-test-node/py-evm"


@method("eth_syncing")
def syncing(methods):
    return False


@method("eth_accounts")
def accounts(methods):
    return []


@method("eth_blockNumber")
def block_number(methods):
    return quantity(methods.blockchain.head.number)


@method("eth_getBalance")
def balance(methods, account, tag=None):
    return quantity(methods.state(tag).get_balance(as_bytes(account)))


@method("eth_getCode")
def code(methods, account, tag=None):
    return data(methods.state(tag).get_code(as_bytes(account)))


@method("eth_getStorageAt")
def storage(methods, account, slot, tag=None):
    return word(methods.state(tag).get_storage(as_bytes(account), as_number(slot)))


@method("eth_getTransactionCount")
def transaction_count(methods, account, tag=None):
    state = methods.state(tag)
    if tag == "pending":
        return quantity(methods.pool.next_nonce(as_bytes(account), state))
    return quantity(state.get_nonce(as_bytes(account)))


@method("eth_call")
def call(methods, request, tag=None, overrides=None):
    return data(simulation.call(methods.blockchain, request, methods.block(tag), overrides))


@method("eth_estimateGas")
def estimate_gas(methods, request, tag=None, overrides=None):
    return quantity(simulation.estimate(methods.blockchain, request, methods.block(tag), overrides))


@method("eth_gasPrice")
def gas_price(methods):
    return quantity(methods.blockchain.next_base_fee + methods.tip)


@method("eth_maxPriorityFeePerGas")
def priority_fee(methods):
    return quantity(methods.tip)


@method("eth_feeHistory")
def fee_history(methods, count, newest=None, percentiles=None):
    last = methods.block(newest).number
    first = max(0, last + 1 - min(as_number(count), MOST_FEE_BLOCKS))
    blocks = methods.blockchain.blocks[first:last + 1]
    following = methods.blockchain.chain.create_header_from_parent(blocks[-1].header)
    history = {
        "oldestBlock": quantity(blocks[0].number),
        "baseFeePerGas": [quantity(h.base_fee_per_gas) for h in (*(block.header for block in blocks), following)],
        "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
    }
    if percentiles:
        history["reward"] = [[quantity(methods.tip)] * len(percentiles) for _ in blocks]
    return history


@method("eth_sendRawTransaction")
def send_raw_transaction(methods, raw):
    return data(methods.net.send(as_bytes(raw)))


@method("eth_getTransactionReceipt")
def transaction_receipt(methods, transaction_hash):
    return rendering.receipt_object(methods.blockchain, as_bytes(transaction_hash))


@method("eth_getTransactionByHash")
def transaction_by_hash(methods, transaction_hash):
    wanted = as_bytes(transaction_hash)
    if place := methods.blockchain.place(wanted):
        block, index = place
        return rendering.transaction_object(methods.blockchain, block.transactions[index], block, index)
    pending = methods.pool.find(wanted)
    return pending and rendering.transaction_object(methods.blockchain, pending)


@method("eth_getBlockByNumber")
def block_by_number(methods, tag, full=False):
    try:
        return rendering.block_object(methods.blockchain, methods.block(tag), full)
    except RPCError:
        return None


@method("eth_getBlockByHash")
def block_by_hash(methods, block_hash, full=False):
    block = methods.blockchain.canonical(as_bytes(block_hash))
    return block and rendering.block_object(methods.blockchain, block, full)


@method("eth_getLogs")
def logs(methods, wanted):
    if wanted.get("blockHash"):
        blocks = [methods._block_by_hash(wanted["blockHash"])]
    else:
        first, last = (methods.block(wanted.get(end)).number if not is_number(wanted.get(end))
                       else as_number(wanted[end]) for end in ("fromBlock", "toBlock"))
        if first > last:
            raise RPCError(-32000, "invalid block range params")
        blocks = methods.blockchain.blocks[first:last + 1]
    addresses = wanted.get("address") or []
    addresses = {one.lower() for one in ([addresses] if isinstance(addresses, str) else addresses)}
    topics = wanted.get("topics") or []
    return [
        log for block in blocks if block.transactions
        for _, log in rendering.block_logs(methods.blockchain, block) if rendering.matches(log, addresses, topics)
    ]


def is_number(tag):
    """Whether an end of a range is given as a number: one beyond the head is no mistake there."""
    return isinstance(tag, str) and tag.startswith("0x")


@method("evm_mine", "anvil_mine", "hardhat_mine")
def mine(methods, count=1, *_):
    methods.net.mine(as_number(count) if not isinstance(count, dict) else 1)
    return quantity(methods.blockchain.head.number)


@method("evm_setAutomine")
def set_automine(methods, on):
    methods.net.set_mode("auto" if on else "manual")
    return True


@method("evm_setIntervalMining")
def set_interval_mining(methods, seconds):
    methods.net.set_mode(f"interval:{seconds}" if seconds else "manual")
    return True


@method("evm_increaseTime")
def increase_time(methods, seconds):
    methods.blockchain.time_offset += as_number(seconds)
    return quantity(methods.blockchain.time_offset)


@method("evm_setNextBlockTimestamp")
def set_next_block_timestamp(methods, timestamp):
    methods.net.set_next_timestamp(as_number(timestamp))
    return quantity(as_number(timestamp))


@method("evm_snapshot")
def snapshot(methods):
    return quantity(methods.net.snapshot())


@method("evm_revert")
def revert(methods, number):
    return methods.net.revert(as_number(number))


@method("anvil_reorg")
def reorganise(methods, depth, requeue=True, empty=True, blocks=None):
    return data(methods.net.reorganise(as_number(depth), requeue, empty, blocks))


@method("anvil_dropTransaction")
def drop_transaction(methods, transaction_hash):
    pending = methods.pool.find(as_bytes(transaction_hash))
    if pending is None:
        return None
    methods.pool.drop(pending)
    return transaction_hash


@method("dev_hold")
def hold(methods, transaction_hash):
    methods.pool.held.add(as_bytes(transaction_hash))
    return True


@method("dev_release")
def release(methods, transaction_hash):
    methods.net.release(as_bytes(transaction_hash))
    return True


@method("txpool_content")
def pool_content(methods):
    return {
        address(sender): {str(nonce): data(pooled.transaction.hash) for nonce, pooled in queue.items()}
        for sender, queue in methods.pool.senders.items()
    }
