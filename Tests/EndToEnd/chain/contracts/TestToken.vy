# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title A token with ERC-3009, for tests only
@notice Behaves as Circle's FiatTokenV2_2 does, in its words: both overloads of the authorization calls, signatures of
        contract wallets (ERC-1271), pause and blacklist. One owner has every role.
@dev Vyper has no overloading, so the overloads with `bytes` are dispatched by hand in `__default__`.
"""

interface ContractWallet:
    def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4: view

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

TRANSFER_TYPEHASH: constant(bytes32) = keccak256("TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
RECEIVE_TYPEHASH: constant(bytes32) = keccak256("ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
CANCEL_TYPEHASH: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")
DOMAIN_TYPEHASH: constant(bytes32) = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")

TRANSFER_WITH_BYTES: constant(bytes4) = method_id("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", output_type=bytes4)
RECEIVE_WITH_BYTES: constant(bytes4) = method_id("receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", output_type=bytes4)
CANCEL_WITH_BYTES: constant(bytes4) = method_id("cancelAuthorization(address,bytes32,bytes)", output_type=bytes4)

# Half the order of secp256k1: a larger s is the other spelling of the same signature (EIP-2).
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
VALID_SIGNATURE: constant(bytes4) = 0x1626ba7e
IDENTITY: constant(address) = 0x0000000000000000000000000000000000000004
MAX_CALL: constant(uint256) = 1536

name: public(String[64])
symbol: public(String[16])
version: public(String[16])
decimals: public(uint8)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
isBlacklisted: public(HashMap[address, bool])
paused: public(bool)
owner: public(address)
used: HashMap[address, HashMap[bytes32, bool]]
SEPARATOR: immutable(bytes32)

@deploy
def __init__(name_: String[64], symbol_: String[16], version_: String[16], decimals_: uint8):
    self.name = name_
    self.symbol = symbol_
    self.version = version_
    self.decimals = decimals_
    self.owner = msg.sender
    SEPARATOR = keccak256(abi_encode(DOMAIN_TYPEHASH, keccak256(name_), keccak256(version_), chain.id, self))

@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return SEPARATOR

@external
@view
def authorizationState(authorizer: address, nonce: bytes32) -> bool:
    return self.used[authorizer][nonce]

@external
def mint(to: address, amount: uint256) -> bool:
    self._only_owner()
    self.balanceOf[to] += amount
    self.totalSupply += amount
    log Transfer(sender=empty(address), receiver=to, value=amount)
    return True

@external
def pause():
    self._only_owner()
    self.paused = True

@external
def unpause():
    self._only_owner()
    self.paused = False

@external
def blacklist(account: address):
    self._only_owner()
    self.isBlacklisted[account] = True

@external
def unBlacklist(account: address):
    self._only_owner()
    self.isBlacklisted[account] = False

@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True

@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True

@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return True

@external
def transferWithAuthorization(payer: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    self._check_window(payer, validAfter, validBefore, nonce)
    self._check_signature(payer, self._transfer_digest(TRANSFER_TYPEHASH, payer, to, amount, validAfter, validBefore, nonce), self._whole(v, r, s))
    self._use(payer, nonce)
    self._move(payer, to, amount)

@external
def receiveWithAuthorization(payer: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    assert to == msg.sender, "FiatTokenV2: caller must be the payee"
    self._check_window(payer, validAfter, validBefore, nonce)
    self._check_signature(payer, self._transfer_digest(RECEIVE_TYPEHASH, payer, to, amount, validAfter, validBefore, nonce), self._whole(v, r, s))
    self._use(payer, nonce)
    self._move(payer, to, amount)

@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    assert not self.used[authorizer][nonce], "FiatTokenV2: authorization is used or canceled"
    self._check_signature(authorizer, self._cancel_digest(authorizer, nonce), self._whole(v, r, s))
    self._cancel(authorizer, nonce)

@external
def __default__():
    assert len(msg.data) >= 4 and len(msg.data) <= MAX_CALL, "unknown selector"
    # `slice(msg.data, …)` takes only a literal length; the identity precompile copies a call of any.
    copied: Bytes[MAX_CALL] = raw_call(IDENTITY, msg.data, max_outsize=MAX_CALL, is_static_call=True)
    selector: bytes4 = convert(slice(copied, 0, 4), bytes4)
    arguments: Bytes[MAX_CALL] = slice(copied, 4, len(copied) - 4)
    if selector == TRANSFER_WITH_BYTES:
        self._transfer_with_bytes(TRANSFER_TYPEHASH, arguments)
    elif selector == RECEIVE_WITH_BYTES:
        self._transfer_with_bytes(RECEIVE_TYPEHASH, arguments)
    elif selector == CANCEL_WITH_BYTES:
        self._cancel_with_bytes(arguments)
    else:
        raise "unknown selector"

@internal
def _transfer_with_bytes(type_hash: bytes32, arguments: Bytes[MAX_CALL]):
    payer: address = empty(address)
    to: address = empty(address)
    amount: uint256 = 0
    validAfter: uint256 = 0
    validBefore: uint256 = 0
    nonce: bytes32 = empty(bytes32)
    signature: Bytes[1024] = b""
    payer, to, amount, validAfter, validBefore, nonce, signature = abi_decode(arguments, (address, address, uint256, uint256, uint256, bytes32, Bytes[1024]))
    if type_hash == RECEIVE_TYPEHASH:
        assert to == msg.sender, "FiatTokenV2: caller must be the payee"
    self._check_window(payer, validAfter, validBefore, nonce)
    self._check_signature(payer, self._transfer_digest(type_hash, payer, to, amount, validAfter, validBefore, nonce), signature)
    self._use(payer, nonce)
    self._move(payer, to, amount)

@internal
def _cancel_with_bytes(arguments: Bytes[MAX_CALL]):
    authorizer: address = empty(address)
    nonce: bytes32 = empty(bytes32)
    signature: Bytes[1024] = b""
    authorizer, nonce, signature = abi_decode(arguments, (address, bytes32, Bytes[1024]))
    assert not self.used[authorizer][nonce], "FiatTokenV2: authorization is used or canceled"
    self._check_signature(authorizer, self._cancel_digest(authorizer, nonce), signature)
    self._cancel(authorizer, nonce)

@internal
@view
def _only_owner():
    assert msg.sender == self.owner, "Ownable: caller is not the owner"

@internal
def _move(payer: address, to: address, amount: uint256):
    assert not self.paused, "Pausable: paused"
    assert not self.isBlacklisted[payer] and not self.isBlacklisted[to], "Blacklistable: account is blacklisted"
    assert payer != empty(address), "ERC20: transfer from the zero address"
    assert to != empty(address), "ERC20: transfer to the zero address"
    balance: uint256 = self.balanceOf[payer]
    assert balance >= amount, "ERC20: transfer amount exceeds balance"
    self.balanceOf[payer] = unsafe_sub(balance, amount)
    self.balanceOf[to] += amount
    log Transfer(sender=payer, receiver=to, value=amount)

@internal
@view
def _check_window(payer: address, validAfter: uint256, validBefore: uint256, nonce: bytes32):
    assert block.timestamp > validAfter, "FiatTokenV2: authorization is not yet valid"
    assert block.timestamp < validBefore, "FiatTokenV2: authorization is expired"
    assert not self.used[payer][nonce], "FiatTokenV2: authorization is used or canceled"

@internal
def _use(payer: address, nonce: bytes32):
    self.used[payer][nonce] = True
    log AuthorizationUsed(authorizer=payer, nonce=nonce)

@internal
def _cancel(authorizer: address, nonce: bytes32):
    self.used[authorizer][nonce] = True
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)

@internal
@view
def _transfer_digest(type_hash: bytes32, payer: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32) -> bytes32:
    return self._digest(keccak256(abi_encode(type_hash, payer, to, amount, validAfter, validBefore, nonce)))

@internal
@view
def _cancel_digest(authorizer: address, nonce: bytes32) -> bytes32:
    return self._digest(keccak256(abi_encode(CANCEL_TYPEHASH, authorizer, nonce)))

@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    return keccak256(concat(x"1901", SEPARATOR, struct_hash))

@internal
@pure
def _whole(v: uint8, r: bytes32, s: bytes32) -> Bytes[65]:
    """
    @dev A signature in parts is judged as one in bytes, so a contract wallet may sign it.
    """
    return concat(r, s, slice(convert(v, bytes32), 31, 1))

@internal
@view
def _check_signature(signer: address, digest: bytes32, signature: Bytes[1024]):
    if signer.codesize > 0:
        assert staticcall ContractWallet(signer).isValidSignature(digest, signature) == VALID_SIGNATURE, "FiatTokenV2: invalid signature"
    else:
        assert len(signature) == 65, "ECRecover: invalid signature length"
        self._check_parts(signer, digest, convert(slice(signature, 64, 1), uint256), extract32(signature, 0), extract32(signature, 32))

@internal
@view
def _check_parts(signer: address, digest: bytes32, v: uint256, r: bytes32, s: bytes32):
    assert convert(s, uint256) <= HALF_ORDER, "ECRecover: invalid signature 's' value"
    assert v == 27 or v == 28, "ECRecover: invalid signature 'v' value"
    recovered: address = ecrecover(digest, v, r, s)
    assert recovered != empty(address), "ECRecover: invalid signature"
    assert recovered == signer, "FiatTokenV2: invalid signature"
