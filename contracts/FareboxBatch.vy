# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title Settles many ERC-3009 authorizations in one transaction
@license Apache-2.0
@notice Anyone may call it, in one of three forms:

            batchExecute((address token, address from, address to, uint256 value, uint256 validAfter,
                uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)[] payments)
            batchExecuteToken(address token, uint256 gasCap, (address from, address to, uint256 value,
                uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)[] payments)
            batchExecuteSigned(address token, uint256 gasCap, bytes[] payments)

        The second costs the least. An element of the third holds the arguments of either overload of the token's
        `transferWithAuthorization`, with the signature in parts or, for contract wallets, as bytes.
        Each returns a `uint256` whose bit i is set if payment i was settled. A payment that its token refuses, or that
        uses up its gas cap, is passed over with `PaymentFailed`; the others are not touched by it. The whole call is
        reverted only for what its caller did wrong: malformed data, a token without code where all have the same,
        or too little gas to give each payment its cap.
@dev    It holds nothing, is owned by no one, is approved for nothing and stores nothing: all it can do is to hand signed
        authorizations to a contract under the one function name, so there is nothing to take from it and nothing that a
        call from within a payment could disturb.
        The first two forms are dispatched by hand and read their arguments where they lie in the call data: Vyper would
        copy a list of 256 to memory, whose price grows with the square.
"""

event PaymentFailed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)
    reason: Bytes[132]

MAX_PAYMENTS: constant(uint256) = 256
MAX_SIGNED_PAYMENTS: constant(uint256) = 32
# The seven words of the head, the signature's length, and up to 1024 bytes of signature.
MAX_SIGNED_BYTES: constant(uint256) = 1280
# The selector and two words of an error that says its reason in up to 64 bytes.
MAX_REASON: constant(uint256) = 132
# What one payment may use where the call does not say it.
GAS_CAP: constant(uint256) = 200_000
# What the loop needs around a payment: copying it, and writing down a failure.
GAS_AROUND: constant(uint256) = 10_000

ADDRESS_BITS: constant(uint256) = 2**160 - 1
# Where the arguments of a transfer have the nonce, and after it v, or the distance of the signature's bytes.
NONCE_WORD: constant(uint256) = 160
SIGNATURE_WORD: constant(uint256) = 192
HEAD_WITH_BYTES: constant(uint256) = 224

TRANSFER_WITH_PARTS: constant(Bytes[4]) = method_id("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)")
TRANSFER_WITH_BYTES: constant(Bytes[4]) = method_id("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)")

BATCH_EXECUTE: constant(bytes4) = method_id("batchExecute((address,address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)[])", output_type=bytes4)
BATCH_EXECUTE_TOKEN: constant(bytes4) = method_id("batchExecuteToken(address,uint256,(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)[])", output_type=bytes4)

@external
def batchExecuteSigned(token: address, gasCap: uint256, payments: DynArray[Bytes[MAX_SIGNED_BYTES], MAX_SIGNED_PAYMENTS]) -> uint256:
    assert token.codesize != 0, "no token"
    needed: uint256 = self._gas_needed(gasCap)
    settled: uint256 = 0
    place: uint256 = 0
    for payment: Bytes[MAX_SIGNED_BYTES] in payments:
        assert msg.gas >= needed, "too little gas"
        function: Bytes[4] = TRANSFER_WITH_PARTS
        if extract32(payment, SIGNATURE_WORD, output_type=uint256) == HEAD_WITH_BYTES:
            function = TRANSFER_WITH_BYTES
        done: bool = False
        reason: Bytes[MAX_REASON] = b""
        done, reason = raw_call(token, concat(function, payment), max_outsize=MAX_REASON, gas=gasCap, revert_on_failure=False)
        if done:
            settled |= 1 << place
        else:
            self._report(extract32(payment, 0, output_type=uint256), extract32(payment, NONCE_WORD), reason)
        place = unsafe_add(place, 1)
    return settled

@external
@raw_return
def __default__() -> Bytes[32]:
    function: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    if function == BATCH_EXECUTE_TOKEN:
        return concat(convert(self._execute_token(), bytes32), b"")
    assert function == BATCH_EXECUTE, "unknown function"
    return concat(convert(self._execute(), bytes32), b"")

@internal
def _execute_token() -> uint256:
    head: Bytes[128] = slice(msg.data, 4, 128)
    token: address = extract32(head, 0, output_type=address)
    gas_cap: uint256 = extract32(head, 32, output_type=uint256)
    count: uint256 = extract32(head, 96, output_type=uint256)
    assert extract32(head, 64, output_type=uint256) == 96 and count <= MAX_PAYMENTS, "malformed"
    assert len(msg.data) == unsafe_add(132, unsafe_mul(count, 288)), "malformed"
    assert token.codesize != 0, "no token"
    needed: uint256 = self._gas_needed(gas_cap)
    settled: uint256 = 0
    done: bool = False
    reason: Bytes[MAX_REASON] = b""
    for i: uint256 in range(count, bound=MAX_PAYMENTS):
        assert msg.gas >= needed, "too little gas"
        done, reason = raw_call(token, concat(TRANSFER_WITH_PARTS, slice(msg.data, unsafe_add(132, unsafe_mul(i, 288)), 288)), max_outsize=MAX_REASON, gas=gas_cap, revert_on_failure=False)
        if done:
            settled = unsafe_add(settled, 1 << i)
        else:
            self._report_item(unsafe_add(132, unsafe_mul(i, 288)), reason)
    return settled

@internal
def _execute() -> uint256:
    head: Bytes[64] = slice(msg.data, 4, 64)
    count: uint256 = extract32(head, 32, output_type=uint256)
    assert extract32(head, 0, output_type=uint256) == 32 and count <= MAX_PAYMENTS, "malformed"
    assert len(msg.data) == unsafe_add(68, unsafe_mul(count, 320)), "malformed"
    needed: uint256 = self._gas_needed(GAS_CAP)
    settled: uint256 = 0
    done: bool = False
    reason: Bytes[MAX_REASON] = b""
    for i: uint256 in range(count, bound=MAX_PAYMENTS):
        assert msg.gas >= needed, "too little gas"
        place: uint256 = unsafe_add(68, unsafe_mul(i, 320))
        token: address = extract32(slice(msg.data, place, 32), 0, output_type=address)
        done, reason = raw_call(token, concat(TRANSFER_WITH_PARTS, slice(msg.data, unsafe_add(place, 32), 288)), max_outsize=MAX_REASON, gas=GAS_CAP, revert_on_failure=False)
        # A call to an address without code succeeds and does nothing.
        if done and token.codesize != 0:
            settled = unsafe_add(settled, 1 << i)
        else:
            self._report_item(unsafe_add(place, 32), reason)
    return settled

@internal
def _report_item(place: uint256, reason: Bytes[MAX_REASON]):
    item: Bytes[288] = slice(msg.data, place, 288)
    self._report(extract32(item, 0, output_type=uint256), extract32(item, NONCE_WORD), reason)

@internal
def _report(authorizer: uint256, nonce: bytes32, reason: Bytes[MAX_REASON]):
    """
    @dev The token refuses an address with dirty upper bytes; here they are cut off, so that the refusal can be reported.
    """
    log PaymentFailed(authorizer=convert(authorizer & ADDRESS_BITS, address), nonce=nonce, reason=reason)

@internal
@pure
def _gas_needed(gas_cap: uint256) -> uint256:
    """
    @dev A call gets at most 63 of 64 parts of what is left (EIP-150). Were it given less than its cap, a payment could
         fail for want of gas that its caller promised.
    """
    return gas_cap + gas_cap // 63 + GAS_AROUND
