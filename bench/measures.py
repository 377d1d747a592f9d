"""What is measured: each measure runs its rounds and returns rows of the table."""

import json
import statistics
import subprocess
import time

from contenders import ASSETS, BENCH, FOLDER, LARGE, ROOT, TARGET, ask, challenge_of, compile_c, free_ports, offer_of
from hold import hold, resident_bytes
from rounds import NOISE, TRIES, Round, compare, h2load, handshakes, measured, medians, pace, wrk
from table import HELD_GOAL_KB, HELD_TLS_GOAL_KB, IDLE_GOAL_MB, memory_row, peer_row, row


def sign(signer, offer, count, seed):
    """Writes a file of `count` distinct payments that are good for the next hours."""
    path = FOLDER / f"payments-{seed}.txt"
    expires = str(int(time.time()) + 20 * 3600)
    with path.open("wb") as out:
        subprocess.run(
            [signer, str(count), str(seed), "84532", ASSETS["usdc"], "USDC", "2", ASSETS["pay_to"], offer["amount"], expires],
            input=json.dumps(offer, separators=(",", ":")).encode(), stdout=out, check=True)
    return path


class Measures:
    def __init__(self, contenders, options):
        self.all, self.options, self.ports = contenders, options, contenders.ports
        self.paid_figure = None
        self.secure = None

    def wrk(self, server, port, path, payments=None, tries=TRIES, scheme="http", body_bytes=None):
        url = f"{scheme}://127.0.0.1:{port}{path}{TARGET}"
        return measured(server, self.all.upstream, lambda: wrk(url, self.options, payments, body_bytes), tries)

    def compare(self, name, contenders):
        return medians(compare(name, contenders, self.options.rounds))

    def tls(self):
        """The process that speaks TLS, started by the first measure that needs it."""
        if self.secure is None:
            self.secure = self.all.start_farebox_with_tls()
        return self.secure

    def memory(self):
        server, port = self.all.start_farebox("held")
        idle = resident_bytes(server.pid)
        _, each = hold(server.pid, port, self.options.held, "/paid/weather")
        server.stop()
        return [memory_row("memory when idle, resident", idle / 1e6, IDLE_GOAL_MB, "MB"),
                memory_row(f"memory of each of {self.options.held} idle connections", each / 1000, HELD_GOAL_KB, "kB")]

    def memory_tls(self):
        server, port = self.all.start_farebox_with_tls()
        _, each = hold(server.pid, port, self.options.held, "/paid/weather", tls=True)
        server.stop()
        return [memory_row(f"memory of each of {self.options.held} idle TLS connections", each / 1000, HELD_TLS_GOAL_KB, "kB")]

    def free(self):
        logging, port = self.all.start_farebox("logging", access_log="true")
        found = self.compare("free", [
            ("nginx", lambda _: self.wrk(self.all.nginx, self.ports["proxy"], "/free/weather")),
            ("haproxy", lambda _: self.wrk(self.all.haproxy, self.ports["haproxy"], "/free/weather")),
            ("farebox", lambda _: self.wrk(self.all.farebox, self.all.farebox_port, "/free/weather")),
            ("logging", lambda _: self.wrk(logging, port, "/free/weather")),
        ])
        logging.stop()
        logging.log.unlink()
        return [row("free route", "nginx `proxy_pass`", found["farebox"], found["nginx"], "free"),
                row("free route", "HAProxy", found["farebox"], found["haproxy"]),
                row("free route, access log on", "nginx `proxy_pass` without", found["logging"], found["nginx"])]

    def unpaid(self):
        found = self.compare("402", [
            ("nginx", lambda _: self.wrk(self.all.nginx, self.ports["refuses"], "/paid/weather")),
            ("repeat", lambda _: self.wrk(self.all.nginx, self.ports["repeats"], "/paid/weather")),
            ("farebox", lambda _: self.wrk(self.all.farebox, self.all.farebox_port, "/paid/weather")),
        ])
        return [row("402", "nginx `return 402`, 46 bytes", found["farebox"], found["nginx"], "402"),
                row("402", "nginx `return 402`, the same bytes", found["farebox"], found["repeat"])]

    def paid(self):
        """Distinct payments in every round of Farebox; nginx passes requests of the same bytes."""
        signer, recover = compile_c("sign", "secp256k1"), compile_c("recover", "secp256k1")
        # A core recovers about 30,000 signatures a second: no server can use up more.
        count = 30_000 * self.options.seconds

        def farebox(number):
            for attempt in range(TRIES):
                payments = sign(signer, self.all.offer, count, 1 + number * TRIES + attempt)
                found = self.wrk(self.all.farebox, self.all.farebox_port, "/paid/weather", payments, tries=1)
                payments.unlink()
                if found.refused:
                    raise SystemExit(f"{found.refused} of {found.count} payments were refused: the figure would be wrong")
                if found.foreign < NOISE:
                    break
            return found

        replayed = sign(signer, self.all.offer, count, 0)

        def alone(_):
            said = subprocess.run(["taskset", "-c", "0", recover], capture_output=True, text=True, check=True)
            return Round(100_000, float(said.stdout))

        found = self.compare("paid", [
            ("nginx", lambda _: self.wrk(self.all.nginx, self.ports["proxy"], "/paid/weather", replayed)),
            ("farebox", farebox), ("recover", alone)])
        replayed.unlink()
        self.paid_figure = found["farebox"]
        return [row("paid, durable claim and journal included", "nginx, same bytes, + one recovery", found["farebox"],
                    found["nginx"] + found["recover"], "paid"),
                row("paid, durable claim and journal included", "one recovery alone", found["farebox"], found["recover"])]

    def peer(self):
        """The official Python middleware against Farebox; its facilitator is a stub without any cryptography."""
        python = subprocess.run([ROOT / "dev" / "python-env", "bench/requirements.txt"], capture_output=True, text=True,
                                check=True).stdout.strip()
        port = free_ports("peer")["peer"]
        peer = self.all.start([python, ROOT / "bench" / "peer.py", port])
        signer = compile_c("sign", "secp256k1")
        peer.wait_for_port(port, timeout=60)
        theirs = offer_of(challenge_of(port))

        def paid(number):
            payments = sign(signer, theirs, 10_000 * self.options.seconds, 1000 + number)
            found = self.wrk(peer, port, "/paid/weather", payments, tries=1)
            payments.unlink()
            if found.refused:
                raise SystemExit(f"the peer refused {found.refused} of {found.count} payments")
            return found

        found = self.compare("402", [
            ("peer", lambda _: self.wrk(peer, port, "/paid/weather")),
            ("farebox", lambda _: self.wrk(self.all.farebox, self.all.farebox_port, "/paid/weather")),
        ])
        rows = [peer_row("402", "Python middleware 2.25", found["farebox"], found["peer"], True)]
        if self.paid_figure:
            theirs_paid = self.compare("paid", [("peer", paid)])["peer"]
            rows.append(peer_row("paid, all included", "Python middleware 2.25, no cryptography", self.paid_figure, theirs_paid, False))
        peer.stop()
        return rows

    def tls_proxy(self):
        server, port = self.tls()
        found = self.compare("tls", [
            ("nginx", lambda _: self.wrk(self.all.nginx, self.ports["tls"], "/free/weather", scheme="https")),
            ("haproxy", lambda _: self.wrk(self.all.haproxy, self.ports["haproxy_tls"], "/free/weather", scheme="https")),
            ("farebox", lambda _: self.wrk(server, port, "/free/weather", scheme="https")),
        ])
        return [row("free route over TLS 1.3, HTTP/1.1", "nginx", found["farebox"], found["nginx"], "tls"),
                row("free route over TLS 1.3, HTTP/1.1", "HAProxy", found["farebox"], found["haproxy"])]

    def handshakes(self):
        server, port = self.tls()

        def shake(contender, at):
            return lambda _: measured(contender, self.all.upstream, lambda: handshakes(at, self.options))

        found = self.compare("handshakes", [
            ("nginx", shake(self.all.nginx, self.ports["tls"])), ("haproxy", shake(self.all.haproxy, self.ports["haproxy_tls"])),
            ("farebox", shake(server, port))])
        return [row("full TLS handshakes, P-256", "nginx", found["farebox"], found["nginx"], "handshakes"),
                row("full TLS handshakes, P-256", "HAProxy", found["farebox"], found["haproxy"])]

    def http2(self):
        server, port = self.tls()
        rows = []
        shapes = [(32, 1, "/paid/weather", "402 over TLS and HTTP/2", "nginx `return 402`, 46 bytes"),
                  (16, 10, "/paid/weather", "402 over TLS and HTTP/2", "nginx `return 402`, 46 bytes"),
                  (16, 10, "/free/weather", "free route over TLS and HTTP/2", "nginx")]
        for clients, streams, path, work, against in shapes:

            def load(contender, at):
                url = f"https://127.0.0.1:{at}{path}{TARGET}"
                return lambda _: measured(
                    contender, self.all.upstream, lambda: h2load(url, self.options, clients, streams))

            is_free = path.startswith("/free")
            found = self.compare(f"{'h2' if is_free else 'h2 402'} m={streams}", [
                ("nginx", load(self.all.nginx, self.ports["tls"])), ("farebox", load(server, port))])
            rows.append(row(f"{work}, {clients} connections, {streams} at once", against, found["farebox"], found["nginx"],
                            None if is_free else f"h2-{streams}"))
        return rows

    def bodies(self):
        rows = []
        for work, path, size in [("down", "/free/large", None), ("up", "/free/upload", LARGE)]:
            found = self.compare(f"1 MB {work}", [
                ("nginx", lambda _: self.wrk(self.all.nginx, self.ports["proxy"], path, body_bytes=size)),
                ("nginx 64k", lambda _: self.wrk(self.all.nginx, self.ports["roomy"], path, body_bytes=size)),
                ("haproxy", lambda _: self.wrk(self.all.haproxy, self.ports["haproxy"], path, body_bytes=size)),
                ("farebox", lambda _: self.wrk(self.all.farebox, self.all.farebox_port, path, body_bytes=size)),
            ])
            rows += [row(f"1 MB {work}", "nginx, its default buffers", found["farebox"], found["nginx"], "bodies"),
                     row(f"1 MB {work}", "nginx, buffers of 64k, unbuffered requests", found["farebox"], found["nginx 64k"]),
                     row(f"1 MB {work}", "HAProxy", found["farebox"], found["haproxy"])]
        return rows

    def usage(self):
        """What it costs to count the tokens of a stream: the same one, paid from a balance, counted and not."""
        events = self.all.start(["python3", BENCH / "events.py", self.ports["events"]], core=1)
        events.wait_for_port(self.ports["events"])
        signer, rows = compile_c("sign", "secp256k1"), []

        def load(route, path, seed):
            page = f"/{route}/{path}"
            bought = sign(signer, offer_of(challenge_of(self.all.farebox_port, page)), 1, seed)
            answer = ask(self.all.farebox_port, page, **{"PAYMENT-SIGNATURE": bought.read_text().strip()})
            assert answer.status == 200, answer.text
            url = f"http://127.0.0.1:{self.all.farebox_port}{page}{TARGET}"
            grant = answer.headers["Payment-Grant"]
            return lambda _: measured(self.all.farebox, events, lambda: wrk(url, self.options, grant=grant, connections=4))

        for number, (path, how) in enumerate([("each", "event by event"), ("whole", "as fast as it goes")]):
            found = self.compare(f"usage {path}", [("counted", load("counted", path, 2000 + number)),
                                                   ("uncounted", load("uncounted", path, 3000 + number))])
            rows.append(row(f"tokens counted in 1 MB of events, {how}", "the same, not counted", found["counted"],
                            found["uncounted"], None if number else "usage"))
        events.stop()
        return rows

    def latency(self):
        """An open loop at half of what nginx can do; the medians of the rounds' p99 in milliseconds."""
        generator = compile_c("pace")
        most = self.wrk(self.all.nginx, self.ports["proxy"], "/free/weather")
        rate = most.count / most.seconds / 2

        def load(server, port):
            return lambda _: measured(
                server, self.all.upstream, lambda: pace(generator, port, "/free/weather", rate, self.options))

        found = compare("latency", [
            ("nginx", load(self.all.nginx, self.ports["proxy"])), ("haproxy", load(self.all.haproxy, self.ports["haproxy"])),
            ("farebox", load(self.all.farebox, self.all.farebox_port))], self.options.rounds)
        p99 = {label: statistics.median(float(one.latency[1].removesuffix("us")) / 1000 for one in each)
               for label, each in found.items()}
        work = f"p99 in ms at {rate:.0f} requests/s, half of nginx's most"
        return [row(work, "nginx", p99["farebox"], p99["nginx"], "latency"), row(work, "HAProxy", p99["farebox"], p99["haproxy"])]


# By the word for `--only`, in the order of the table.
MEASURES = {
    "free": Measures.free, "402": Measures.unpaid, "paid": Measures.paid, "peer": Measures.peer, "tls": Measures.tls_proxy,
    "handshakes": Measures.handshakes, "h2": Measures.http2, "bodies": Measures.bodies, "usage": Measures.usage, "latency": Measures.latency,
    "memory": Measures.memory, "memory-tls": Measures.memory_tls,
}
