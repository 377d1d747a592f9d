"""Waiting for something that happens in another process: bounded, and the only place that sleeps."""

import time


def wait_until(condition, what, timeout=10.0, interval=0.02):
    """Returns the first truthy answer of `condition`, or fails after `timeout` seconds naming `what` did not happen."""
    deadline = time.monotonic() + timeout
    while True:
        if answer := condition():
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"within {timeout:g} s there was no {what}")
        time.sleep(interval)


def stays_false(condition, seconds=0.3, interval=0.02):
    """Whether `condition` stays false for a while: for what must never happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return False
        time.sleep(interval)
    return True
