# pragma version 0.4.3
"""
The spender of scheme exact over Permit2: the same call, checks, errors and event as x402's contract, at whose address it is put
(x402, `contracts/evm/src/x402ExactPermit2Proxy.sol`).
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

struct Witness:
    to: address
    validAfter: uint256

interface Permit2:
    def permitWitnessTransferFrom(permit: PermitTransferFrom, details: SignatureTransferDetails, owner: address, witness: bytes32, witnessTypeString: String[256], signature: Bytes[4096]): nonpayable

event Settled: pass

PERMIT2: constant(address) = 0x000000000022D473030F116dDEE9F6B43aC78BA3
WITNESS_TYPE: constant(bytes32) = keccak256("Witness(address to,uint256 validAfter)")
WITNESS_STRING: constant(String[106]) = "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)"


@external
@nonreentrant
def settle(permit: PermitTransferFrom, owner: address, witness: Witness, signature: Bytes[4096]):
    if permit.permitted.amount == 0:
        raw_revert(method_id("InvalidAmount()"))
    if owner == empty(address):
        raw_revert(method_id("InvalidOwner()"))
    if witness.to == empty(address):
        raw_revert(method_id("InvalidDestination()"))
    if block.timestamp < witness.validAfter:
        raw_revert(method_id("PaymentTooEarly()"))
    hashed: bytes32 = keccak256(abi_encode(WITNESS_TYPE, witness.to, witness.validAfter))
    details: SignatureTransferDetails = SignatureTransferDetails(to=witness.to, requestedAmount=permit.permitted.amount)
    extcall Permit2(PERMIT2).permitWitnessTransferFrom(permit, details, owner, hashed, WITNESS_STRING, signature)
    log Settled()
