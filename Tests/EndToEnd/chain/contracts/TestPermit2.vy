# pragma version 0.4.3
"""
Permit2's signature transfers, as far as x402 uses them: the same calls, hashes, errors and bitmap of nonces as the contract of
Uniswap. It is put at that contract's own address, whose rules it follows (Uniswap/permit2, `SignatureTransfer`).
"""

struct TokenPermissions:
    token: address
    amount: uint256

struct PermitTransferFrom:
    permitted: TokenPermissions
    nonce: uint256
    deadline: uint256

struct SignatureTransferDetails:
    to: address
    requestedAmount: uint256

event UnorderedNonceInvalidation:
    owner: indexed(address)
    word: uint256
    mask: uint256

DOMAIN_TYPE: constant(bytes32) = keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)")
PERMISSIONS_TYPE: constant(bytes32) = keccak256("TokenPermissions(address token,uint256 amount)")
TYPE_START: constant(String[104]) = "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,"
VALID: constant(bytes32) = 0x1626ba7e00000000000000000000000000000000000000000000000000000000
LOW_255_BITS: constant(uint256) = 2**255 - 1

nonceBitmap: public(HashMap[address, HashMap[uint256, uint256]])


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return self._separator()


@external
def invalidateUnorderedNonces(word: uint256, mask: uint256):
    self.nonceBitmap[msg.sender][word] |= mask
    log UnorderedNonceInvalidation(owner=msg.sender, word=word, mask=mask)


@external
def permitWitnessTransferFrom(permit: PermitTransferFrom, details: SignatureTransferDetails, owner: address, witness: bytes32, witnessTypeString: String[256], signature: Bytes[4096]):
    if block.timestamp > permit.deadline:
        raw_revert(abi_encode(permit.deadline, method_id=method_id("SignatureExpired(uint256)")))
    if details.requestedAmount > permit.permitted.amount:
        raw_revert(abi_encode(permit.permitted.amount, method_id=method_id("InvalidAmount(uint256)")))
    self._use(owner, permit.nonce)
    permissions: bytes32 = keccak256(abi_encode(PERMISSIONS_TYPE, permit.permitted.token, permit.permitted.amount))
    struct_hash: bytes32 = keccak256(abi_encode(keccak256(concat(TYPE_START, witnessTypeString)), permissions, msg.sender, permit.nonce, permit.deadline, witness))
    self._check_signature(owner, keccak256(concat(b"\x19\x01", self._separator(), struct_hash)), signature)
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(permit.permitted.token, abi_encode(owner, details.to, details.requestedAmount, method_id=method_id("transferFrom(address,address,uint256)")), max_outsize=32, revert_on_failure=False)
    if success and len(answer) > 0:
        success = abi_decode(answer, bool)
    assert success, "TRANSFER_FROM_FAILED"


@internal
@view
def _separator() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPE, keccak256("Permit2"), chain.id, self))


@internal
def _use(owner: address, nonce: uint256):
    bit: uint256 = 1 << (nonce & 255)
    word: uint256 = self.nonceBitmap[owner][nonce >> 8]
    if word & bit != 0:
        raw_revert(method_id("InvalidNonce()"))
    self.nonceBitmap[owner][nonce >> 8] = word | bit


@internal
@view
def _check_signature(owner: address, digest: bytes32, signature: Bytes[4096]):
    if owner.is_contract:
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(owner, abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")), max_outsize=32, is_static_call=True, revert_on_failure=False)
        if not success or len(answer) < 32 or convert(answer, bytes32) != VALID:
            raw_revert(method_id("InvalidContractSignature()"))
        return
    r: bytes32 = empty(bytes32)
    s: bytes32 = empty(bytes32)
    v: uint256 = 0
    if len(signature) == 65:
        r = convert(slice(signature, 0, 32), bytes32)
        s = convert(slice(signature, 32, 32), bytes32)
        v = convert(slice(signature, 64, 1), uint256)
    elif len(signature) == 64:
        r = convert(slice(signature, 0, 32), bytes32)
        parity_and_s: uint256 = convert(slice(signature, 32, 32), uint256)
        s = convert(parity_and_s & LOW_255_BITS, bytes32)
        v = 27 + (parity_and_s >> 255)
    else:
        raw_revert(method_id("InvalidSignatureLength()"))
    signer: address = empty(address)
    if v == 27 or v == 28:
        signer = ecrecover(digest, v, r, s)
    if signer == empty(address):
        raw_revert(method_id("InvalidSignature()"))
    if signer != owner:
        raw_revert(method_id("InvalidSigner()"))
