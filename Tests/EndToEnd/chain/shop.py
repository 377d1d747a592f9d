"""A paywall on a test's chain, and what a test asks of both: where the money is, and what the record says."""

import json
import threading

from kit import farebox
from kit.payments import Challenge, Payer
from kit.polling import wait_until
from kit.routes import PAY_TO, route
from kit.wire import BrokenAnswer

from .calls import topic_of
from .rail import SIGNER, rpc_rail, signer_environment
from .tokens import TRANSFER

BEFORE, AFTER, BATCH = "/before/x", "/after/x", "/batch/x"
PRICES = {BEFORE: 1000, AFTER: 2000, BATCH: 3000}
ROUTES = [
    route("GET /before/*", "$0.001"),
    route("GET /after/*", "$0.002", settle="after"),
    route("GET /batch/*", "$0.003", settle="batch"),
]
# Waiting is short here, so that a test that waits in vain for a block is not long.
QUICK = {"settle_timeout": "2s", "bump_after": "1s"}
# New payers pay first, unless a file says that they are trusted.
PAYMENTS = {"trust_new_payers": True, "batch": {"interval": "1s"}}


# A test asks the node at the first listener; the program at the second, where faults are put, or also at the third.
LISTENERS = 3
OURS, SPARE = 1, 2

SEND = "eth_sendRawTransaction"


def served(answer):
    return answer is not None and answer.status == 200


def is_pending(answer):
    """What a payer hears whose money may have moved: no offer, which it could take for a second payment."""
    body = answer.json()
    assert answer.status == 402 and body["error"] == "settlement_pending", body
    assert not answer.all("PAYMENT-REQUIRED") and "accepts" not in body
    return True


class Shop:
    """A running paywall, the token it is paid in, and the node that both are on."""

    def __init__(self, token, make_site, rail=None, payments=None, routes=ROUTES, **tables):
        self.token, self.node = token, token.node
        self.signer = self.node.account(SIGNER)
        self.environment = signer_environment(self.node)
        nodes = {"rpc_url": self.node.urls[OURS]} | QUICK | (rail or {})
        adapter = {key: value for key, value in rpc_rail(self.node, **nodes).items() if value is not None}
        self.site = make_site(
            routes, env=self.environment, adapters=[adapter],
            payments={"accepts": [token.asset.catalogue_id]} | PAYMENTS | (payments or {}), **tables)
        self.exchanges()

    def fault(self, *rules, listener=OURS):
        """Puts faults between the program and its node."""
        self.node.fault(*rules, listener=listener)

    def exchanges(self, listener=OURS):
        """What the program asked its node since the last look."""
        return self.node.exchanges(listener)

    @property
    def upstream(self):
        return self.site.upstream

    def payer(self, amount=1_000_000):
        payer = Payer()
        self.token.fund(payer, amount=amount)
        return payer

    def sign(self, target=BEFORE, payer=None, **changes):
        """Asks for the price and signs it; without a payer a new one does, which has money."""
        return (payer or self.payer()).pay(Challenge(self.site.fetch("GET", target)), **changes)

    def present(self, payment, target=BEFORE, **keywords):
        return self.site.fetch("GET", target, payment.v2_fields(), **keywords)

    def presenting(self, payment, target=BEFORE):
        """Presents in another thread; `.join()` returns the answer, or None where the connection broke."""
        return Presenting(lambda: self.present(payment, target))

    def row(self, payment):
        """The record of a payment; payers of these tests pay once."""
        (row,) = self.site.rows("--payer", payment.sender)
        return row

    def state(self, payment):
        row = self.row(payment)
        return row["value"], row["service"]

    def at_rest(self, payment):
        """The state once no request is under way: an answer is out a moment before it is written down."""
        wait_until(lambda: self.state(payment)[1] != "forwarding", "rest in the ledger")
        return self.state(payment)

    def wait_for_state(self, payment, *states, timeout=20):
        wait_until(lambda: self.state(payment) in states, f"one of {states} instead of {self.state(payment)}", timeout)

    def waiting(self, count=1):
        """The hashes of the signer's transactions in the pool, once there are so many."""
        def found():
            hashes = [found for (sender, _), found in sorted(self.node.pool().items())
                      if sender == self.signer.address.lower()]
            return hashes if len(hashes) >= count else None

        return wait_until(found, f"{count} transactions in the pool")

    def restart(self):
        self.site.start(env=self.environment)

    def crash(self):
        self.site.process.kill()

    def moved(self, payment):
        """How often a payment's money moved: its authorization used, and right after it the transfer to the payee."""
        return sum(self._is_followed_by_transfer(log, payment) for log in self.token.use_logs(payment))

    def _is_followed_by_transfer(self, use, payment):
        logs = self.node.receipt(use["transactionHash"])["logs"]
        following = [log for log in logs if int(log["logIndex"], 16) == int(use["logIndex"], 16) + 1]
        transfer = [TRANSFER, topic_of(payment.sender), topic_of(PAY_TO)]
        return any(log["topics"] == transfer and int(log["data"], 16) == payment.value for log in following)

    def assert_books_agree(self, *payments):
        """The record says settled exactly where the chain says that the money moved, and the journal adds up."""
        for payment in payments:
            row, uses = self.row(payment), self.token.uses(payment)
            assert self.moved(payment) == (1 if row["value"] == "settled" else 0), (row, uses)
            if row["value"] == "settled":
                assert [row["transaction"]] == uses, row
        verified = farebox.run("ledger", "verify", "--ledger", f"sqlite:{self.site.ledger_path}")
        assert verified.returncode == 0 and json.loads(verified.stdout)["sound"] is True, verified.stdout


class Presenting:
    def __init__(self, present):
        self.answer = None
        self.thread = threading.Thread(target=self._run, args=(present,), daemon=True)
        self.thread.start()

    def _run(self, present):
        try:
            self.answer = present()
        except (OSError, BrokenAnswer):
            self.answer = None

    def join(self, timeout=30):
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "no answer in time"
        return self.answer
