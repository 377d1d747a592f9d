# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A contract wallet (ERC-1271), for tests only
@notice One key signs for it: the first 65 bytes of a signature are the key's. Its mood decides how it answers: as it
        should, never yes, by burning all gas that it is given, or as it should after 400 000 gas of work.
"""

HONEST: constant(uint256) = 0
REFUSING: constant(uint256) = 1
BURNING: constant(uint256) = 2
SLOW: constant(uint256) = 3

VALID_SIGNATURE: constant(bytes4) = 0x1626ba7e
INVALID_SIGNATURE: constant(bytes4) = 0xffffffff

owner: public(address)
mood: public(uint256)

@deploy
def __init__(owner_: address):
    self.owner = owner_

@external
def set_mood(mood: uint256):
    assert mood <= SLOW
    self.mood = mood

@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    if self.mood == BURNING:
        # The invalid opcode takes all that is left.
        raise UNREACHABLE
    if self.mood == SLOW:
        left: uint256 = max(msg.gas, 400_000) - 400_000
        worked: bytes32 = digest
        for _: uint256 in range(10**6):
            if msg.gas < left:
                break
            worked = keccak256(worked)
    if self.mood == REFUSING or len(signature) < 65:
        return INVALID_SIGNATURE
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if ecrecover(digest, v, extract32(signature, 0), extract32(signature, 32)) == self.owner:
        return VALID_SIGNATURE
    return INVALID_SIGNATURE
