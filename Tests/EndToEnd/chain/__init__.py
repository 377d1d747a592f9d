"""A chain of the tests' own: a real EVM behind real JSON-RPC, in a process that a test starts, bends and breaks.

`node` and what it imports up to `kit` run in that process; `kit` and what follows it run in the test.
"""
