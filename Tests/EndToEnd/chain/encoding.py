"""Hex as JSON-RPC writes it, and the errors it answers."""


class RPCError(Exception):
    """An error object of JSON-RPC; `data` is hex, or None to leave the member out."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


def quantity(number):
    """A number without leading zeros."""
    return hex(number)


def data(value):
    """Bytes, two digits each; None stays None."""
    return None if value is None else "0x" + bytes(value).hex()


def word(number):
    """A number as 32 bytes."""
    return "0x" + number.to_bytes(32, "big").hex()


def address(value):
    """An address, or None where a transaction has no recipient."""
    return data(value) if value else None


def as_bytes(text):
    """The bytes of a hex string; None and an empty one are no bytes."""
    digits = (text or "").removeprefix("0x")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def as_number(value):
    """A number from its hex, or from a JSON number as test code likes to write it."""
    return int(value, 16) if isinstance(value, str) else int(value)
