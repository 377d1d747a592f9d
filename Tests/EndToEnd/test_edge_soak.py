"""Every kind of client at once, reloads and upstream restarts: at the end nothing is lost, stuck, left open or paid twice.

`EDGE_SOAK_SECONDS` and `SOAK_SEED` choose how long and which churn; without them a short one. `make soak` runs ten minutes of it.
"""

import os
import random
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from collections import Counter

import h2.exceptions
from kit import farebox as program
from kit.certificates import Authority
from kit.http2 import Client
from kit.payments import Challenge, Payer
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer, Upstream
from kit.websocket import HANDSHAKE, WebSocketUpstream, frame
from kit.wire import BrokenAnswer, Connection, fetch, request

SECONDS = float(os.environ.get("EDGE_SOAK_SECONDS", 20))
SEED = int(os.environ.get("SOAK_SEED", 1))
REDELIVERIES = 3
LARGE = 4 << 20
# What the longest warm-up may still add: pools, caches and the allocator's arenas fill up slowly.
MEMORY_SLACK = 24 << 20


def routes(price):
    return [
        route("GET,POST /free/*", "free"), route("GET /paid/*", f"$0.{price:03}"),
        route("GET /later/*", "$0.002", settle="after"), route("GET /large", "free"),
        route("GET /talk", "free", upstream="chat")]


def reset(connection):
    """Closes with a reset instead of an end."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()


def listening(site, scheme):
    host, _, port = site.process.wait_for_event("listening", scheme=scheme)["address"].rpartition(":")
    return host, int(port)


def trusting(authority, protocol):
    context = ssl.create_default_context(cafile=authority.file)
    context.set_alpn_protocols([protocol])
    return context


def client_hello(context):
    """The first bytes of a handshake."""
    sent = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()


class Churn:
    """Clients of every kind, each in a thread of its own, until the time is over."""

    def __init__(self, site, authority):
        self.site, self.authority = site, authority
        self.address, self.secure = listening(site, "http"), listening(site, "https")
        self.contexts = {protocol: trusting(authority, protocol) for protocol in ("http/1.1", "h2")}
        self.hello = client_hello(self.contexts["h2"])
        self.over, self.lock = threading.Event(), threading.Lock()
        self.counts, self.bugs = Counter(), []
        self.served = Counter()
        self.threads = []

    def start(self):
        kinds = [self.keeps_alive, self.keeps_alive, self.leaves_early, self.half_closes, self.reads_slowly,
                 self.breaks_off_uploads, self.buys, self.buys, self.buys, self.sends_streams, self.sends_streams,
                 self.stays, self.talks, self.breaks_handshakes, self.reloads, self.restarts_upstream]
        for number, kind in enumerate(kinds):
            chance = random.Random(f"{SEED} {number}")
            self.threads.append(threading.Thread(target=self.run, args=(kind, chance), daemon=True))
            self.threads[-1].start()

    def run(self, kind, chance):
        while not self.over.is_set():
            try:
                kind(chance)
                self.note(kind.__name__)
            except (OSError, BrokenAnswer) as error:
                if isinstance(error, TimeoutError):
                    self.bugs.append(f"{kind.__name__} got no answer: {traceback.format_exc()}")
                    return
                # The upstream was restarted in the middle of it.
                self.note("broken " + kind.__name__)
            except Exception:
                self.bugs.append(f"{kind.__name__}: {traceback.format_exc()}")
                return

    def note(self, what):
        with self.lock:
            self.counts[what] += 1

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                stack = traceback.format_stack(sys._current_frames()[thread.ident])
                self.bugs.append("a client is stuck:\n" + "".join(stack[-6:]))

    def connect(self, chance, **options):
        """Every other time over TLS."""
        if chance.random() < 0.5:
            return Connection(self.address, timeout=20, **options)
        return Connection(self.secure, timeout=20, tls=self.contexts["http/1.1"], **options)

    def connect_http2(self, chance):
        if chance.random() < 0.5:
            return Client(self.address)
        return Client(self.secure, tls=self.contexts["h2"])

    def check(self, answer, *statuses):
        assert answer.status in (*statuses, 502, 503, 504), f"status {answer.status}: {answer.body[:200]}"
        return answer

    # What clients do.

    def keeps_alive(self, chance):
        with self.connect(chance) as connection:
            for number in range(chance.randrange(1, 30)):
                body = chance.randbytes(chance.randrange(5000)) if chance.random() < 0.5 else None
                connection.send(request("POST" if body else "GET", f"/free/{number}", body=body))
                if self.check(connection.read_response(), 200).first("connection") == "close":
                    return

    def leaves_early(self, chance):
        connection = self.connect(chance)
        text = request("GET", "/large") if chance.random() < 0.5 else request("GET", "/free/x")
        connection.send(text[: chance.randrange(1, len(text) + 1)])
        if chance.random() < 0.5:
            wait(0.01)
        if chance.random() < 0.7:
            reset(connection)
        else:
            connection.close()

    def half_closes(self, chance):
        with Connection(self.address, timeout=20) as connection:
            connection.send(request("GET", "/free/half"))
            connection.half_close()
            self.check(connection.read_response(), 200)
            assert connection.is_closed_by_peer()

    def reads_slowly(self, chance):
        with self.connect(chance, receive_buffer=8192) as connection:
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
        connection = self.connect(chance)
        connection.send(request("POST", "/free/up", {"Content-Length": "1000000"}) + b"x" * chance.randrange(100_000))
        wait(0.005)
        reset(connection)

    def buys(self, chance):
        payer, timing = Payer(), chance.choice(["paid", "later"])
        target = f"/{timing}/{payer.address}"
        with self.connect(chance) as connection:
            connection.send(request("GET", target))
            asked = self.check(connection.read_response(), 402)
            if asked.status != 402:
                return
            payment = payer.pay(Challenge(asked))
        for _ in range(chance.randrange(1, 4)):
            with self.connect(chance) as connection:
                connection.send(request("GET", target, payment.v2_fields()))
                if chance.random() < 0.1:
                    return reset(connection)
                if self.check(connection.read_response(), 200, 402, 409).status == 200:
                    with self.lock:
                        self.served[target] += 1

    def sends_streams(self, chance):
        """HTTP/2: many requests at once, tunnels among them, and some given up."""
        with self.connect_http2(chance) as client:
            try:
                for _ in range(chance.randrange(1, 5)):
                    self.sends_some(client, chance)
                if chance.random() < 0.3:
                    client.request("/large")
                    reset(client)
            except h2.exceptions.ProtocolError as error:
                raise BrokenAnswer("the stream was reset") from error

    def sends_some(self, client, chance):
        asked = []
        for number in range(chance.randrange(1, 12)):
            kind = chance.random()
            if kind < 0.4:
                asked.append(client.request(f"/free/{number}", "POST", ends=False))
                client.send_body(asked[-1], chance.randbytes(chance.randrange(20_000)))
            elif kind < 0.5:
                self.talks_in(client, client.extended_connect("/talk"), chance)
            else:
                asked.append(client.request("/large" if kind < 0.6 else f"/free/{number}"))
            if asked and chance.random() < 0.2 and not client.answers[asked[-1]].is_complete:
                client.reset(asked.pop())
        for stream in asked:
            answer = client.answer(stream)
            if answer.reset is not None:
                raise BrokenAnswer("the answer was reset")
            self.check(answer, 200)

    def talks_in(self, client, stream, chance):
        answer = client.answers[stream]
        client.until(lambda: answer.fields)
        if self.check(answer, 200).status != 200:
            return
        client.send_body(stream, frame(2, b"hello"), ends=False)
        client.until(lambda: answer.body == frame(2, b"hello", mask=False))
        if chance.random() < 0.5:
            return client.reset(stream)
        client.send_body(stream, frame(8, b"\x03\xe8"))
        client.until(lambda: answer.is_complete)

    def stays(self, chance):
        """One connection from the beginning to the end, whatever happens around it."""
        with self.connect_http2(chance) as client:
            while not self.over.is_set():
                self.check(client.fetch("/free/stays"), 200)
                wait(0.2)

    def talks(self, chance):
        with self.connect(chance) as connection:
            connection.send(request("GET", "/talk", HANDSHAKE))
            if self.check(connection.read_head(), 101).status != 101:
                return
            for _ in range(chance.randrange(20)):
                said = chance.randbytes(chance.randrange(125))
                connection.send(frame(2, said))
                echo = frame(2, said, mask=False)
                assert connection.take(len(echo)) == echo
            if chance.random() < 0.3:
                return reset(connection)
            if chance.random() < 0.5:
                connection.send(frame(8, b"\x03\xe8"))
                assert connection.take(4) == frame(8, b"\x03\xe8", mask=False)

    def breaks_handshakes(self, chance):
        with Connection(self.secure, timeout=20) as connection:
            sent = bytearray(self.hello[: chance.randrange(len(self.hello) + 1)])
            if sent and chance.random() < 0.3:
                sent[chance.randrange(len(sent))] ^= 1 << chance.randrange(8)
            connection.send(bytes(sent))
            wait(0.01)
            if chance.random() < 0.5:
                reset(connection)

    # What happens to the program meanwhile.

    def reloads(self, chance):
        wait(chance.uniform(0.5, 2))
        listen = ["127.0.0.1:0"] + (["127.0.0.1:0"] if chance.random() < 0.5 else [])
        if chance.random() < 0.3:
            self.authority.issue("site", ["localhost"])
        event = self.site.change(routes=routes(chance.randrange(1, 5)), server={"listen": listen})
        assert event["message"] == "reloaded", event

    def restarts_upstream(self, chance):
        wait(chance.uniform(2, 4))
        self.site.upstream.die()
        wait(0.05)
        self.site.upstream.revive()


def wait(seconds):
    threading.Event().wait(seconds)


def test_whatever_clients_do_nothing_is_lost_or_left_open(make_site, tmp_path):
    print(f"SOAK_SEED={SEED} EDGE_SOAK_SECONDS={SECONDS:g}")
    api, chat, authority = Upstream(), WebSocketUpstream(), Authority(tmp_path / "authority")
    site = make_site(
        routes(1), upstream=api, payments={"redeliveries": REDELIVERIES}, env={"FAREBOX_LOOPS": "2"},
        upstreams=[{"name": "api", "url": api.url}, {"name": "chat", "url": chat.url}],
        server={"tls": {"listen": "127.0.0.1:0", "certificates": [authority.issue("site", ["localhost"])]}})
    site.upstream.answers["/large"] = Answer(size=LARGE)
    site.process.wait_for_event("ready")
    churn = Churn(site, authority)
    fetch(churn.address, "GET", "/free/first")
    descriptors = site.process.descriptors()
    churn.start()
    sizes = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not churn.bugs:
        wait(min(1, SECONDS / 20))
        sizes.append(site.process.resident_bytes())
    churn.stop()
    assert not churn.bugs, "\n".join(churn.bugs)
    print(dict(churn.counts))
    done = "keeps_alive", "buys", "reloads", "half_closes", "sends_streams", "stays", "talks", "breaks_handshakes"
    assert all(churn.counts[kind] for kind in done), churn.counts

    # A file with one address again; kept connections of the upstream pool close when the upstream ends.
    site.change(server={"listen": "127.0.0.1:0"})
    api.stop()
    chat.stop()
    wait_until(lambda: site.process.descriptors() <= descriptors + 2, f"return to {descriptors} descriptors", timeout=90)
    check_memory(sizes)
    check_books(site, churn)
    assert site.stop() == 0


def check_memory(sizes):
    third = len(sizes) // 3
    early, late = sorted(sizes[third: 2 * third]), sorted(sizes[2 * third:])
    growth = late[len(late) // 2] - early[len(early) // 2]
    print(f"memory: {early[len(early) // 2] >> 20} MiB in the second third, {late[len(late) // 2] >> 20} MiB in the last")
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
