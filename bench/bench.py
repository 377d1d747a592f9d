#!/usr/bin/env python3
"""Measures Farebox against nginx on this machine, one core each, and prints ratios as a Markdown table.

The server under test runs on the first core, load and upstream on the second. Rounds are interleaved, their order reversed
every other time; a round during which anything else used the machine is repeated. The figure is CPU-seconds (user and
system, of all threads) per 100,000 requests: it says what the server costs, whatever the load generator can drive.

    bench/bench.py [--rounds 5] [--seconds 3] [--connections 64] [--held 10000] [--only free,402,paid,peer,memory,micro]
"""

import argparse
import base64
import http.client
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from hold import hold, resident_bytes
from server import Server, machine_busy_seconds

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "bench"
FAREBOX = ROOT / ".build" / "release" / "farebox"
PAY_TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ASSET = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
TARGET = "?city=berlin&units=metric"
# CPU-seconds per wall second that something else may use before a round is repeated, and how often.
NOISE, TRIES = 0.06, 4
PEER_GOAL = 15
GOALS = {"free": 1.10, "402": 1.10, "paid": 1.45}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def render(template, name, **values):
    text = (ROOT / "bench" / "conf" / template).read_text()
    for key, value in {"FOLDER": FOLDER, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    path = FOLDER / name
    path.write_text(text)
    return path


def quoted(text):
    """A string of an nginx configuration; a dollar sign would name a variable there."""
    assert "$" not in text
    return "'" + text.strip().replace("\\", "\\\\").replace("'", "\\'") + "'"


def constant_fields(answer):
    """What nginx has to say so that its answer is the same; date, length and type it says by itself."""
    own = {"date", "content-length", "content-type", "connection", "server"}
    return "\n".join(f"add_header {name} {quoted(value)} always;" for name, value in answer.getheaders() if name.lower() not in own)


def compile_c(name):
    binary = FOLDER / name
    subprocess.run(["cc", "-O2", "-o", binary, ROOT / "bench" / f"{name}.c", "-lsecp256k1"], check=True)
    return binary


def sign(signer, offer, count, seed):
    """Writes a file of `count` distinct payments that are good for the next hours."""
    path = FOLDER / f"payments-{seed}.txt"
    expires = str(int(time.time()) + 20 * 3600)
    with path.open("wb") as out:
        subprocess.run(
            [signer, str(count), str(seed), "84532", ASSET, "USDC", "2", PAY_TO, offer["amount"], expires],
            input=json.dumps(offer, separators=(",", ":")).encode(), stdout=out, check=True)
    return path


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Round:
    """One run of the load generator against one server."""

    def __init__(self, count, refused, latency, cpu, foreign):
        self.count, self.refused, self.latency, self.cpu, self.foreign = count, refused, latency, cpu, foreign

    @property
    def per_100k(self):
        return self.cpu / self.count * 1e5


class Bench:
    def __init__(self, options):
        self.options = options
        self.upstream_port, self.proxy_port, self.refuses_port, self.repeats_port = free_ports(4)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.upstream = Server([nginx, "-c", render("upstream.conf", "upstream.nginx", UPSTREAM=self.upstream_port)], core=1)
        # nginx writes no access log here, so Farebox is compared without its own; what that costs is a row of its own.
        self.farebox, self.farebox_port = self.start_farebox("quiet", access_log="false")
        challenge = challenge_of(self.farebox_port)
        self.offer = offer_of(challenge)
        proxy = render("proxy.conf", "proxy.nginx", UPSTREAM=self.upstream_port, PROXY=self.proxy_port,
                       REFUSES=self.refuses_port, REPEATS=self.repeats_port, FIELDS=constant_fields(challenge),
                       BODY=quoted(challenge.text))
        self.nginx = Server([nginx, "-c", proxy], core=0)
        self.upstream.wait_for_port(self.upstream_port)
        self.nginx.wait_for_port(self.proxy_port)

    def start_farebox(self, name, access_log):
        for leftover in FOLDER.glob(f"{name}.*"):
            leftover.unlink()
        routes = render("routes.toml", f"{name}.toml", UPSTREAM=self.upstream_port, NAME=name, ACCESS_LOG=access_log)
        server = Server([FAREBOX, "serve", "--config", routes], core=0, env={"FAREBOX_LOOPS": "1"}, log=FOLDER / f"{name}.log")
        return server, server.listening_port()

    def close(self):
        for server in (self.farebox, self.nginx, self.upstream):
            server.stop()

    def load(self, server, port, path, payments=None, tries=TRIES):
        """Drives one server; returns a round, repeated while the machine was busy with something else."""
        seconds = self.options.seconds
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{self.options.connections}", f"-d{seconds}s", "--latency",
                   "-s", str(ROOT / "bench" / "request.lua"), f"http://127.0.0.1:{port}{path}{TARGET}"]
        for attempt in range(tries):
            before = (server.cpu(), self.upstream.cpu(), machine_busy_seconds(), children_cpu(), time.monotonic())
            environment = os.environ | ({"PAYMENTS": str(payments)} if payments else {})
            said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
            after = (server.cpu(), self.upstream.cpu(), machine_busy_seconds(), children_cpu(), time.monotonic())
            used = [b - a for a, b in zip(before, after)]
            foreign = (used[2] - used[0] - used[1] - used[3]) / used[4]
            count = int(re.search(r"(\d+) requests in", said)[1])
            refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
            if errors := re.search(r"Socket errors:.*", said):
                print(f"  {errors[0]}", file=sys.stderr)
            latency = re.findall(r"^ +(?:50|99)%\s+(\S+)", said, re.M)
            found = Round(count, int(refused[1]) if refused else 0, latency, used[0], foreign)
            if foreign < NOISE:
                break
            print(f"  something else used {foreign:.2f} cores: {'again' if attempt + 1 < tries else 'kept'}", file=sys.stderr)
        return found

    def compare(self, name, contenders):
        """Interleaves rounds of (label, function) pairs and prints each; returns medians by label."""
        rounds = {label: [] for label, _ in contenders}
        for number in range(self.options.rounds):
            for label, run in contenders if number % 2 == 0 else contenders[::-1]:
                rounds[label].append(run(number))
        medians = {}
        for label, found in rounds.items():
            figures = [each.per_100k for each in found]
            medians[label] = statistics.median(figures)
            middle = sorted(found, key=lambda each: each.per_100k)[len(found) // 2]
            print(f"  {name:5} {label:8} {medians[label]:7.3f} CPU-s/100k ({min(figures):.3f} to {max(figures):.3f})"
                  f"  {1e5 / medians[label]:8.0f}/s of a core  p50/p99 {'/'.join(middle.latency)}", file=sys.stderr)
        return medians

    def free(self):
        logging, port = self.start_farebox("logging", access_log="true")
        try:
            return self.compare("free", [
                ("nginx", lambda _: self.load(self.nginx, self.proxy_port, "/free/weather")),
                ("farebox", lambda _: self.load(self.farebox, self.farebox_port, "/free/weather")),
                ("logging", lambda _: self.load(logging, port, "/free/weather")),
            ])
        finally:
            logging.stop()
            logging.log.unlink()

    def unpaid(self):
        return self.compare("402", [
            ("nginx", lambda _: self.load(self.nginx, self.refuses_port, "/paid/weather")),
            ("repeat", lambda _: self.load(self.nginx, self.repeats_port, "/paid/weather")),
            ("farebox", lambda _: self.load(self.farebox, self.farebox_port, "/paid/weather")),
        ])

    def paid(self):
        """Distinct payments in every round of Farebox; nginx passes requests of the same bytes."""
        signer, recover = compile_c("sign"), compile_c("recover")
        # A core recovers about 30,000 signatures a second: no server can use up more.
        count = 30_000 * self.options.seconds

        def farebox(number):
            for attempt in range(TRIES):
                payments = sign(signer, self.offer, count, 1 + number * TRIES + attempt)
                found = self.load(self.farebox, self.farebox_port, "/paid/weather", payments, tries=1)
                payments.unlink()
                if found.refused:
                    raise SystemExit(f"{found.refused} of {found.count} payments were refused: the figure would be wrong")
                if found.foreign < NOISE:
                    break
            return found

        replayed = sign(signer, self.offer, count, 0)

        def nginx(_):
            return self.load(self.nginx, self.proxy_port, "/paid/weather", replayed)

        def alone(_):
            run = subprocess.run(["taskset", "-c", "0", recover], capture_output=True, text=True, check=True)
            return Round(100_000, 0, [], float(run.stdout), 0)

        medians = self.compare("paid", [("nginx", nginx), ("farebox", farebox), ("recover", alone)])
        replayed.unlink()
        return medians

    def peer(self):
        """The official Python middleware against Farebox; its facilitator is a stub without any cryptography."""
        python = subprocess.run([ROOT / "dev" / "python-env", "bench/requirements.txt"], capture_output=True, text=True,
                                check=True).stdout.strip()
        (port,) = free_ports(1)
        peer = Server([python, ROOT / "bench" / "peer.py", port], core=0)
        signer = compile_c("sign")
        try:
            peer.wait_for_port(port, timeout=60)
            theirs = offer_of(challenge_of(port))
            found = self.compare("402", [
                ("peer", lambda _: self.load(peer, port, "/paid/weather")),
                ("farebox", lambda _: self.load(self.farebox, self.farebox_port, "/paid/weather")),
            ])

            def paid(number):
                payments = sign(signer, theirs, 10_000 * self.options.seconds, 1000 + number)
                found = self.load(peer, port, "/paid/weather", payments, tries=1)
                payments.unlink()
                if found.refused:
                    raise SystemExit(f"the peer refused {found.refused} of {found.count} payments")
                return found

            found |= {"paid": self.compare("paid", [("peer", paid)])["peer"]}
            return found
        finally:
            peer.stop()


def challenge_of(port):
    """The 402 of the priced route."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/paid/weather{TARGET}", headers={"Host": "api.example.com"})
    answer = connection.getresponse()
    assert answer.status == 402, answer.status
    answer.text = answer.read().decode()
    return answer


def offer_of(challenge):
    return json.loads(base64.b64decode(challenge.headers["PAYMENT-REQUIRED"]))["accepts"][0]


def row(work, against, ours, theirs, goal):
    ratio = ours / theirs
    verdict = "" if goal is None else ("yes" if ratio <= goal else "**no**")
    return f"| {work} | {against} | {ours:.3f} | {theirs:.3f} | **{ratio:.2f}** | {'' if goal is None else f'≤ {goal:.2f}'} | {verdict} |"


def micro():
    """The pure cost of a payment against the recovery alone, measured inside one Swift process."""
    subprocess.run(["swift", "build", "-c", "release", "--product", "farebox-micro"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    said = subprocess.run(["taskset", "-c", "0", ROOT / ".build" / "release" / "farebox-micro"], capture_output=True,
                          text=True, check=True)
    return said.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--held", type=int, default=10_000)
    parser.add_argument("--only", default="free,402,paid,peer,memory,micro")
    options = parser.parse_args()
    wanted = set(options.only.split(","))
    FOLDER.mkdir(parents=True, exist_ok=True)
    bench, lines = Bench(options), []
    try:
        idle = resident_bytes(bench.farebox.pid)
        if "memory" in wanted:
            _, each = hold(bench.farebox.pid, bench.farebox_port, options.held, "/paid/weather")
            lines.append(("memory", idle, each))
        if "free" in wanted:
            found = bench.free()
            lines.append(row("free route", "nginx `proxy_pass`", found["farebox"], found["nginx"], GOALS["free"]))
            lines.append(row("free route, access log on", "nginx `proxy_pass` without", found["logging"], found["nginx"], None))
        if "402" in wanted:
            found = bench.unpaid()
            lines.append(row("402", "nginx `return 402`, 46 bytes", found["farebox"], found["nginx"], GOALS["402"]))
            lines.append(row("402", "nginx `return 402`, the same bytes", found["farebox"], found["repeat"], None))
        if "paid" in wanted:
            found = bench.paid()
            lines.append(row("paid, durable claim included", "nginx, same bytes, + one recovery", found["farebox"],
                             found["nginx"] + found["recover"], GOALS["paid"]))
            lines.append(row("paid, durable claim included", "one recovery alone", found["farebox"], found["recover"], None))
            paid = found["farebox"]
        if "peer" in wanted:
            found = bench.peer()
            times = found["peer"] / found["farebox"]
            verdict = "yes" if times >= PEER_GOAL else "**no**"
            lines.append(f"| 402 | Python middleware 2.25 | {found['farebox']:.3f} | {found['peer']:.3f} | "
                         f"**{times:.0f} ×** less | ≥ {PEER_GOAL} × | {verdict} |")
            if "paid" in wanted:
                lines.append(f"| paid, all included | Python middleware 2.25, no cryptography | {paid:.3f} | {found['paid']:.3f} | "
                             f"**{found['paid'] / paid:.1f} ×** less | | |")
    finally:
        bench.close()
    print(f"\nMeasured on {date.today()}; {options.rounds} rounds of {options.seconds} s, {options.connections} connections, "
          "medians, CPU-seconds per 100,000 requests.\n")
    print("| work | against | Farebox | theirs | ratio | goal | met |\n|---|---|---|---|---|---|---|")
    for line in lines:
        if isinstance(line, str):
            print(line)
    for line in lines:
        if not isinstance(line, str):
            print(f"\nMemory: {line[1] / 1e6:.1f} MB resident when idle (goal ≤ 40), {line[2] / 1000:.1f} kB more for each of "
                  f"{options.held} idle connections (goal ≤ 20).")
    if "micro" in wanted:
        print(f"\n```\n{micro()}\n```")


if __name__ == "__main__":
    main()
