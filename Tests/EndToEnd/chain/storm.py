"""Faults at random on a node, from a seed: what a soak lives through."""

import threading

# Kinds of weather; each is a rule of chain/faults.py, or a method of the storm.
RULES = [
    {"method": "*", "kind": "error", "code": -32603, "message": "internal error", "times": 4},
    {"method": "*", "kind": "http", "status": 503, "times": 4},
    {"method": "*", "kind": "garbage", "times": 3},
    {"method": "*", "kind": "cut", "times": 3},
    {"method": "*", "kind": "delay", "seconds": 0.3, "times": 10},
    {"method": "eth_sendRawTransaction", "kind": "drop", "times": 2},
    {"method": "eth_sendRawTransaction", "kind": "error_after", "code": -32603, "message": "internal error", "times": 2},
    {"method": "eth_sendRawTransaction", "kind": "error", "code": -32603, "message": "internal error", "times": 2},
    {"method": "eth_getTransactionReceipt", "kind": "error", "code": -32603, "message": "internal error", "times": 6},
]


class Storm:
    """Bends the node every `pause` seconds until it is stopped; `chance` is a random.Random."""

    def __init__(self, node, chance, pause=0.4):
        self.node, self.chance, self.pause = node, chance, pause
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        kinds = ["rule"] * 6 + ["calm"] * 3 + ["reorganise", "drop"]
        while not self.done.wait(self.pause * (0.5 + self.chance.random())):
            kind = self.chance.choice(kinds)
            if kind == "rule":
                self.node.fault(self.chance.choice(RULES))
            elif kind == "calm":
                self.node.heal()
            elif kind == "reorganise":
                self.node.reorganise(self.chance.choice([1, 2]), requeue=self.chance.random() < 0.7)
            else:
                waiting = [entry["hash"] for entry in map(_transaction, self.node.pool().values()) if entry]
                if waiting:
                    self.node.ask("anvil_dropTransaction", self.chance.choice(waiting))

    def stop(self):
        self.done.set()
        self.thread.join(30)
        self.node.heal()


def _transaction(found):
    return {"hash": found} if isinstance(found, str) else found
