"""Many payers, many payments, every timing, and a storm: at the end the books, the chain and the upstream tell the same story.

`SOAK_PAYMENTS` and `SOAK_SEED` choose how many and which storm; without them a short one, the same every time. `make soak` runs a thousand
payments of a hundred payers under a new seed.
"""

import json
import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from chain.rail import rpc_rail, signer_environment
from chain.storm import Storm
from kit import farebox as program
from kit.payments import Challenge, Payer
from kit.polling import wait_until
from kit.routes import PAY_TO, route
from kit.wire import BrokenAnswer

PAYMENTS = int(os.environ.get("SOAK_PAYMENTS", 60))
SEED = int(os.environ.get("SOAK_SEED", 1))
PAYERS = max(5, PAYMENTS // 10)
CLIENTS = 24
TRIES = 12
PRICES = {"before": 1000, "after": 2000, "batch": 3000}
EXPOSURE_LIMIT, TOTAL_LIMIT = 20_000, 60_000
ROUTES = [route(f"GET /{timing}/*", f"${price / 10**6:.3f}", settle=timing) for timing, price in PRICES.items()]
SIGNERS = (1, 2)


class Soak:
    def __init__(self, site, token, chance):
        self.site, self.token, self.chance = site, token, chance
        self.payers = [Payer() for _ in range(PAYERS)]
        token.fund(*self.payers[1:])
        # One in ten or so can pay for little of what it asks.
        token.fund(self.payers[0], amount=PRICES["batch"])
        self.payments, self.served, self.lock = {}, Counter(), threading.Lock()

    def fetch(self, *arguments):
        """None while the program is being killed."""
        try:
            return self.site.fetch(*arguments, timeout=60)
        except (OSError, BrokenAnswer):
            return None

    def buy(self, job):
        """One purchase of an honest client: it repeats its payment until it is told that it is used or refused."""
        number, payer, timing = job
        target = f"/{timing}/{number}"
        asked = self.fetch("GET", target)
        if asked is None or asked.status != 402:
            return
        payment = payer.pay(Challenge(asked))
        self.payments[number] = (payer, timing, payment)
        for _ in range(TRIES):
            answer = self.fetch("GET", target, payment.v2_fields())
            if answer is None:
                continue
            if answer.status == 200:
                with self.lock:
                    self.served[number] += 1
                return
            if answer.status == 402 and b"settlement_pending" not in answer.body:
                return
            wait_for(0.3)

    def run(self, restarts):
        jobs = [
            (number, self.chance.choice(self.payers), self.chance.choice(list(PRICES))) for number in range(PAYMENTS)]
        with ThreadPoolExecutor(CLIENTS) as clients:
            running = [clients.submit(self.buy, job) for job in jobs]
            for part in range(1, restarts + 1):
                wait_until(lambda: sum(each.done() for each in running) >= PAYMENTS * part // (restarts + 1),
                           "progress", timeout=300)
                self.site.process.kill()
                self.site.start(env=signer_environment(self.token.node, *SIGNERS))
            for each in running:
                each.result(timeout=300)


def wait_for(seconds):
    threading.Event().wait(seconds)


def at_rest(site, token):
    """The ledger's rows once nothing is under way any more, and what a reorganisation took back has been noticed."""
    rows, moving = [], []

    def rests():
        rows[:] = site.rows()
        moving[:] = [row for row in rows if row["value"] in ("reserved", "settling", "uncertain", "owed")]
        return not moving and settled_sum(rows) == token.balance(PAY_TO)

    try:
        wait_until(rests, "rest in the ledger", timeout=150, interval=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}: {settled_sum(rows)} {token.balance(PAY_TO)} {moving}") from None
    return rows


def settled_sum(rows):
    return sum(int(row["amount"]) for row in rows if row["value"] == "settled")


def test_whatever_happens_nobody_pays_twice_and_nobody_is_served_for_nothing(make_site, token):
    print(f"SOAK_SEED={SEED} SOAK_PAYMENTS={PAYMENTS}")
    node, chance = token.node, random.Random(SEED)
    site = make_site(
        ROUTES, env=signer_environment(node, *SIGNERS),
        adapters=[rpc_rail(node, settle_timeout="3s", bump_after="2s")],
        payments={"accepts": [token.asset.catalogue_id], "trust_new_payers": True, "batch": {
            "interval": "1s", "exposure_limit": f"${EXPOSURE_LIMIT / 10**6}",
            "total_exposure_limit": f"${TOTAL_LIMIT / 10**6}"}})
    soak = Soak(site, token, chance)
    node.ask("evm_setAutomine", False)
    node.ask("evm_setIntervalMining", 1)
    storm = Storm(node, random.Random(SEED + 1))
    try:
        soak.run(restarts=max(1, PAYMENTS // 250))
    finally:
        storm.stop()
    # Whoever cannot pay any more is written off when its time is over on the chain.
    node.advance(600)
    node.mine(3)
    check(soak, at_rest(site, token))


def check(soak, rows):
    token, site = soak.token, soak.site
    by_payment = {row["payment"]: row for row in rows}
    used = {number: token.uses(payment) for number, (_, _, payment) in soak.payments.items()}
    moved = sum(amount for *_, amount, _ in token.transfers(to=PAY_TO))
    assert moved == settled_sum(rows) == token.balance(PAY_TO), "the sums are exact"
    assert all(len(transactions) <= 1 for transactions in used.values()), "nobody pays twice"
    assert sum(1 for transactions in used.values() if transactions) == sum(row["value"] == "settled" for row in rows)

    lost = 0
    for number, (_, timing, payment) in soak.payments.items():
        runs = sum(call.target == f"/{timing}/{number}" for call in site.upstream.calls(f"/{timing}/"))
        assert runs <= (1 if timing != "before" else 4), f"{timing} {number} ran {runs} times"
        if soak.served[number] and not used[number]:
            lost += payment.value
    assert lost <= TOTAL_LIMIT * 2, "served for nothing beyond what the limits allow"
    written_off = sum(int(row["amount"]) for row in rows if row["value"] == "written_off")
    assert lost <= written_off, "what was lost is in the books"
    assert by_payment and soak.served, "something happened"

    ledger = f"sqlite:{site.ledger_path}"
    verified = program.run("ledger", "verify", "--ledger", ledger)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    compared = program.run("ledger", "reconcile", "--config", site.file, "--ledger", ledger,
                           env=signer_environment(token.node, *SIGNERS))
    assert compared.returncode == 0 and json.loads(compared.stdout)["clean"], compared.stdout + compared.stderr
