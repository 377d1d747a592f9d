"""Clients that keep calling, each time on a new connection, and write down whatever goes wrong."""

import threading

from .polling import wait_until
from .wire import BrokenAnswer, fetch


class Callers:
    """Calls `target` from several threads until it is stopped; waits for a connection as long as `timeout`."""

    def __init__(self, address, target="/free", threads=8, timeout=30):
        self.address, self.target, self.timeout = address, target, timeout
        self.answered, self.faults = 0, []
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._call, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _call(self):
        while not self.over.is_set():
            try:
                answer = fetch(self.address, "GET", self.target, {"Connection": "close"}, timeout=self.timeout)
                fault = None if answer.status == 200 else f"status {answer.status}"
            except (OSError, BrokenAnswer) as error:
                fault = repr(error)
            with self.lock:
                if fault:
                    self.faults.append(fault)
                else:
                    self.answered += 1

    def wait_for_more(self, count=50):
        """Returns when so many more calls have been answered."""
        start = self.answered
        wait_until(lambda: self.answered >= start + count, f"{count} more answers ({self.faults[:3]})", timeout=60)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(self.timeout + 5)
        return self.faults
