"""Faults on command: which call, how often, and what goes wrong.

A rule is an object with `method` (or `*`) and `kind`, and may have `times` (default: for ever), `skip` (let so many
pass first) and `containing` (text that the call's parameters must hold). Its kinds:

| kind | the call is executed | the caller sees |
|---|---|---|
| `error`, `error_after` | no, yes | a JSON-RPC error of `code`, `message`, `data` |
| `http`, `http_after` | no, yes | an HTTP answer of `status` |
| `cut`, `drop` | no, yes | the connection reset |
| `hang` | no | nothing, then a reset, after `seconds` or when the rules change |
| `delay` | yes | the answer, `seconds` late |
| `garbage` | no | HTML with status 200 |
| `result` | no | the result that the rule gives |
"""

import json
import threading

EXECUTED = {"error_after", "http_after", "drop", "delay"}
KINDS = EXECUTED | {"error", "http", "cut", "hang", "garbage", "result"}
LONGEST_HANG_SECONDS = 3600


class Faults:
    """The rules in force, and the log of what was called."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.changed = threading.Event()
        self.exchanges = []

    def replace(self, rules):
        """Puts other rules in force; calls that hang under the old ones are let go."""
        for rule in rules:
            if rule.get("kind") not in KINDS:
                raise ValueError(f"no such fault: {rule.get('kind')}")
        with self.lock:
            self.rules = [dict(rule) for rule in rules]
            self.changed.set()
            self.changed = threading.Event()

    def note(self, methods):
        """Writes down one HTTP exchange."""
        with self.lock:
            self.exchanges.append(methods)

    def take_log(self):
        with self.lock:
            taken, self.exchanges = self.exchanges, []
            return taken

    def take(self, method, parameters):
        """The rule that this call meets, counted; None where nothing goes wrong."""
        with self.lock:
            for rule in self.rules:
                if not self._applies(rule, method, parameters):
                    continue
                if rule.get("skip", 0) > 0:
                    rule["skip"] -= 1
                elif rule.get("times", 1) > 0:
                    if "times" in rule:
                        rule["times"] -= 1
                    return rule
            return None

    @staticmethod
    def _applies(rule, method, parameters):
        if rule["method"] not in (method, "*"):
            return False
        return "containing" not in rule or rule["containing"].lower() in json.dumps(parameters).lower()

    def hang(self, seconds):
        with self.lock:
            changed = self.changed
        changed.wait(seconds)
