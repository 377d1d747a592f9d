"""Every kind of client at once, reloads and upstream restarts: at the end nothing is lost, stuck, left open or paid twice.

`EDGE_SOAK_SECONDS` and `SOAK_SEED` choose how long and which churn; without them a short one. `make soak` runs ten minutes of it.
"""

import os
import random
import socket
import struct
import threading
import time
from collections import Counter

from kit import farebox as program
from kit.payments import Challenge, Payer
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer
from kit.wire import BrokenAnswer, Connection, request

SECONDS = float(os.environ.get("EDGE_SOAK_SECONDS", 20))
SEED = int(os.environ.get("SOAK_SEED", 1))
REDELIVERIES = 3
LARGE = 4 << 20
# What the longest warm-up may still add: pools, caches and the allocator's arenas fill up slowly.
MEMORY_SLACK = 24 << 20


def routes(price):
    return [
        route("GET,POST /free/*", "free"), route("GET /paid/*", f"$0.{price:03}"),
        route("GET /later/*", "$0.002", settle="after"), route("GET /large", "free")]


def reset(connection):
    """Closes with a reset instead of an end."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Churn:
    """Clients of every kind, each in a thread of its own, until the time is over."""

    def __init__(self, site):
        self.site, self.address = site, site.process.address()
        self.over, self.lock = threading.Event(), threading.Lock()
        self.counts, self.bugs = Counter(), []
        self.served = Counter()
        self.threads = []

    def start(self):
        kinds = [self.keeps_alive, self.keeps_alive, self.leaves_early, self.half_closes, self.reads_slowly,
                 self.breaks_off_uploads, self.buys, self.buys, self.buys, self.reloads, self.restarts_upstream]
        for number, kind in enumerate(kinds):
            chance = random.Random(f"{SEED} {number}")
            self.threads.append(threading.Thread(target=self.run, args=(kind, chance), daemon=True))
            self.threads[-1].start()

    def run(self, kind, chance):
        while not self.over.is_set():
            try:
                kind(chance)
                self.note(kind.__name__)
            except (OSError, BrokenAnswer):
                # The upstream was restarted in the middle of it, or the client's time was over.
                self.note("broken " + kind.__name__)
            except Exception as error:
                self.bugs.append(f"{kind.__name__}: {error!r}")
                return

    def note(self, what):
        with self.lock:
            self.counts[what] += 1

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client is stuck"

    def connect(self, **options):
        return Connection(self.address, **{"timeout": 20, **options})

    def check(self, answer, *statuses):
        assert answer.status in (*statuses, 502, 503, 504), f"status {answer.status}: {answer.body[:200]}"
        return answer

    # What clients do.

    def keeps_alive(self, chance):
        with self.connect() as connection:
            for number in range(chance.randrange(1, 30)):
                body = chance.randbytes(chance.randrange(5000)) if chance.random() < 0.5 else None
                connection.send(request("POST" if body else "GET", f"/free/{number}", body=body))
                if self.check(connection.read_response(), 200).first("connection") == "close":
                    return

    def leaves_early(self, chance):
        connection = self.connect()
        text = request("GET", "/large") if chance.random() < 0.5 else request("GET", "/free/x")
        connection.send(text[: chance.randrange(1, len(text) + 1)])
        if chance.random() < 0.5:
            wait(0.01)
        if chance.random() < 0.7:
            reset(connection)
        else:
            connection.close()

    def half_closes(self, chance):
        with self.connect() as connection:
            connection.send(request("GET", "/free/half"))
            connection.half_close()
            self.check(connection.read_response(), 200)
            assert connection.is_closed_by_peer()

    def reads_slowly(self, chance):
        with self.connect(receive_buffer=8192) as connection:
            connection.send(request("GET", "/large"))
            head = connection.read_head()
            size = 0
            for piece in connection.body_parts(head):
                size += len(piece)
                if size > LARGE // 2 and chance.random() < 0.01 or self.over.is_set():
                    return
                if chance.random() < 0.05:
                    wait(0.005)
            assert head.status != 200 or size == LARGE, size

    def breaks_off_uploads(self, chance):
        connection = self.connect()
        connection.send(request("POST", "/free/up", {"Content-Length": "1000000"}) + b"x" * chance.randrange(100_000))
        wait(0.005)
        reset(connection)

    def buys(self, chance):
        payer, timing = Payer(), chance.choice(["paid", "later"])
        target = f"/{timing}/{payer.address}"
        with self.connect() as connection:
            connection.send(request("GET", target))
            asked = self.check(connection.read_response(), 402)
            if asked.status != 402:
                return
            payment = payer.pay(Challenge(asked))
        for _ in range(chance.randrange(1, 4)):
            with self.connect() as connection:
                connection.send(request("GET", target, payment.v2_fields()))
                if chance.random() < 0.1:
                    return reset(connection)
                if self.check(connection.read_response(), 200, 402, 409).status == 200:
                    with self.lock:
                        self.served[target] += 1

    # What happens to the program meanwhile.

    def reloads(self, chance):
        wait(chance.uniform(0.5, 2))
        listen = ["127.0.0.1:0"] + (["127.0.0.1:0"] if chance.random() < 0.5 else [])
        event = self.site.change(routes=routes(chance.randrange(1, 5)), server={"listen": listen})
        assert event["message"] == "reloaded", event

    def restarts_upstream(self, chance):
        wait(chance.uniform(2, 4))
        self.site.upstream.die()
        wait(0.05)
        self.site.upstream.revive()


def wait(seconds):
    threading.Event().wait(seconds)


def test_whatever_clients_do_nothing_is_lost_or_left_open(make_site):
    print(f"SOAK_SEED={SEED} EDGE_SOAK_SECONDS={SECONDS:g}")
    site = make_site(routes(1), payments={"redeliveries": REDELIVERIES}, env={"FAREBOX_LOOPS": "2"})
    site.upstream.answers["/large"] = Answer(size=LARGE)
    site.process.wait_for_event("ready")
    site.fetch("GET", "/free/first")
    descriptors = site.process.descriptors()
    churn = Churn(site)
    churn.start()
    sizes = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not churn.bugs:
        wait(min(1, SECONDS / 20))
        sizes.append(site.process.resident_bytes())
    churn.stop()
    assert not churn.bugs, churn.bugs
    assert all(churn.counts[kind] for kind in ("keeps_alive", "buys", "reloads", "half_closes")), churn.counts
    print(dict(churn.counts))

    # A file with one address again; kept connections of the upstream pool close when the upstream ends.
    site.change(server={"listen": "127.0.0.1:0"})
    site.upstream.stop()
    wait_until(lambda: site.process.descriptors() <= descriptors + 2, f"return to {descriptors} descriptors", timeout=90)
    check_memory(sizes)
    check_books(site, churn)
    assert site.stop() == 0


def check_memory(sizes):
    third = len(sizes) // 3
    early, late = sorted(sizes[third: 2 * third]), sorted(sizes[2 * third:])
    growth = late[len(late) // 2] - early[len(early) // 2]
    assert growth < MEMORY_SLACK, f"memory grew by {growth} bytes: {sizes}"


def check_books(site, churn):
    rows = []

    def rests():
        rows[:] = site.rows()
        return not any(row["service"] == "forwarding" or row["value"] in ("reserved", "settling") for row in rows)

    wait_until(rests, "rest in the ledger", timeout=60)
    payers = Counter(row["payer"].lower() for row in rows if row["value"] == "settled")
    assert payers and max(payers.values()) == 1, "nobody paid twice"
    runs = Counter(call.target for call in site.upstream.calls() if call.first("host") and "/free" not in call.target)
    for target, count in churn.served.items():
        assert payers[target.rpartition("/")[2].lower()] == 1, f"{target} was served for nothing"
        assert count <= 1, f"{target} was answered {count} times"
        assert runs[target] <= 1 + REDELIVERIES
    verified = program.run("ledger", "verify", "--ledger", f"sqlite:{site.ledger_path}")
    assert verified.returncode == 0, verified.stdout + verified.stderr
