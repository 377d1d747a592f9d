"""Call data, by signature: selector and ABI-encoded arguments."""

from eth_abi import decode, encode
from eth_abi.grammar import parse
from eth_utils import keccak, to_checksum_address

TRANSFER_WITH_PARTS = (
    "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
)
TRANSFER_WITH_BYTES = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"


def selector(signature):
    return keccak(text=signature)[:4]


def topic(signature):
    return "0x" + keccak(text=signature).hex()


def topic_of(value):
    """An address or a 32-byte hex value as an indexed argument."""
    return "0x" + value.removeprefix("0x").lower().rjust(64, "0")


def call_data(signature, *arguments):
    return selector(signature) + encode(types_of(signature[signature.index("("):]), arguments)


def types_of(tuple_type):
    return [] if tuple_type == "()" else [each.to_type_str() for each in parse(tuple_type).components]


def returned(types, value):
    """What a call returned, decoded; a single type gives a single value."""
    values = decode(types, bytes.fromhex(value.removeprefix("0x")))
    return values[0] if len(types) == 1 else values


def checksummed(address):
    return to_checksum_address(address)


def window(payment):
    """The six arguments that every call with an authorization begins with."""
    return (payment.sender, payment.to, payment.value, payment.valid_after, payment.valid_before,
            bytes.fromhex(payment.nonce[2:]))


def parts(payment):
    """v, r and s of a 65-byte signature."""
    raw = bytes.fromhex(payment.signature[2:])
    return raw[64], raw[:32], raw[32:64]


def settle_data(payment, with_bytes=False):
    """The call that moves the money of a payment; contract wallets need the overload that takes a signature whole."""
    if with_bytes:
        return call_data(TRANSFER_WITH_BYTES, *window(payment), bytes.fromhex(payment.signature[2:]))
    return call_data(TRANSFER_WITH_PARTS, *window(payment), *parts(payment))
