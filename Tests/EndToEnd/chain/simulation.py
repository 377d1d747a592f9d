"""`eth_call` and `eth_estimateGas`: execution that leaves no trace."""

from eth.exceptions import Revert, VMError
from eth.vm.spoof import SpoofTransaction
from eth_utils import ValidationError

from .blockchain import NOBODY
from .encoding import RPCError, as_bytes, as_number, data

CALL_GAS = 50_000_000
ERROR_STRING = bytes.fromhex("08c379a0")
CHEAPEST_TRANSACTION = 21_000


def call(blockchain, request, block, overrides=None):
    """The returned bytes; a revert is an RPCError with code 3 and the revert's data, as geth has it."""
    computation = run(blockchain, request, block, as_number(request.get("gas", CALL_GAS)), overrides)
    if computation.is_error:
        raise failure(computation)
    return computation.output


def estimate(blockchain, request, block, overrides=None):
    """The least gas, within 1.5%, with which the call succeeds; found as geth finds it, by trying."""
    limit = block.header.gas_limit
    high = min(as_number(request.get("gas", limit)), limit)
    first = run(blockchain, request, block, high, overrides)
    if first.is_error:
        raise failure(first)

    def succeeds(gas):
        try:
            return not run(blockchain, request, block, gas, overrides).is_error
        except (RPCError, VMError, ValueError):
            return False

    low = CHEAPEST_TRANSACTION - 1
    # What was used is a good first guess; a 64th more covers what EIP-150 holds back.
    guess = min(high, (high - first.get_gas_remaining()) * 65 // 64 + 2400)
    while high - low > max(1, high // 66):
        if succeeds(guess):
            high = guess
        else:
            low = guess
        guess = (high + low) // 2
    return high


def run(blockchain, request, block, gas, overrides=None):
    state = pending_state(blockchain, block)
    for account, changes in (overrides or {}).items():
        override(state, as_bytes(account), changes)
    try:
        return state.apply_transaction(spoof(blockchain, request, state, gas))
    except ValidationError as error:
        raise RPCError(-32000, str(error)) from None


def pending_state(blockchain, block):
    """The state on top of a block, in the context of a child: at today's time if it is the head, without a base fee.

    At the head's own time, an authorization's window would be judged by a block that may be long past.
    """
    timestamp = block.header.timestamp + 1
    if block is blockchain.head:
        timestamp = max(timestamp, blockchain.now())
    header = blockchain.chain.create_header_from_parent(block.header, timestamp=timestamp)
    return blockchain.chain.get_vm(header.copy(base_fee_per_gas=0)).state


def override(state, account, changes):
    if "balance" in changes:
        state.set_balance(account, as_number(changes["balance"]))
    if "code" in changes:
        state.set_code(account, as_bytes(changes["code"]))
    for slot, value in (changes.get("stateDiff") or {}).items():
        state.set_storage(account, as_number(slot), as_number(value))


def spoof(blockchain, request, state, gas):
    sender = as_bytes(request.get("from")) or NOBODY
    builder = blockchain.chain.get_vm(blockchain.chain.header).get_transaction_builder()
    transaction = builder.new_unsigned_dynamic_fee_transaction(
        blockchain.chain_id, state.get_nonce(sender), 0, 0, gas, as_bytes(request.get("to")),
        as_number(request.get("value", 0)), as_bytes(request.get("input") or request.get("data")), ())
    return SpoofTransaction(transaction, from_=sender)


def failure(computation):
    error = computation._error
    if not isinstance(error, Revert):
        return RPCError(-32000, str(error) or type(error).__name__)
    reason = error.args[0] if error.args and isinstance(error.args[0], bytes) else computation.output
    message = "execution reverted"
    if reason[:4] == ERROR_STRING:
        # By its length, never by strict decoding: the real USDC leaves dirty bytes behind the string.
        length = int.from_bytes(reason[36:68], "big")
        message += ": " + reason[68:68 + length].decode("utf-8", "replace")
    return RPCError(3, message, data(reason))
