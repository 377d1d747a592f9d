"""The accounts that hold coins at genesis."""

KEYS = [bytes([number]) * 32 for number in range(1, 11)]
STARTING_BALANCE = 10_000 * 10**18
