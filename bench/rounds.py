"""Load generators, and rounds of them that are compared."""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

from contenders import BENCH, TARGET
from server import machine_busy_seconds

# CPU-seconds per wall second that something else may use before a round is repeated, and how often.
NOISE, TRIES = 0.06, 4
FIELDS = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Accept: application/json, text/plain, */*", "Accept-Language: en-US,en;q=0.9,de;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd", "Referer: https://app.example.com/dashboard/weather",
    "X-Request-Id: 6f1c1c34-8d5e-4d7a-9a3e-3b4f5a6b7c8d", "Cookie: sid=abcdef0123456789abcdef0123456789; theme=dark",
]


@dataclass
class Round:
    """One run of a load generator against one server."""

    count: int
    cpu: float
    refused: int = 0
    seconds: float = 0
    latency: list = field(default_factory=list)
    foreign: float = 0

    @property
    def per_100k(self):
        return self.cpu / self.count * 1e5


def on_second_core(*command):
    return ["taskset", "-c", "1", *map(str, command)]


def run(command, **environment):
    said = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, stdin=subprocess.DEVNULL)
    if said.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said.stdout}{said.stderr}")
    return said.stdout


def wrk(url, options, payments=None, body_bytes=None, grant=None, connections=None):
    """wrk on one thread; returns what it counted."""
    environment = {"PAYMENTS": str(payments)} if payments else {}
    if grant:
        environment["GRANT"] = grant
    if body_bytes:
        environment["BODY_BYTES"] = str(body_bytes)
    said = run(on_second_core("wrk", "-t1", f"-c{connections or options.connections}", f"-d{options.seconds}s", "--latency", "-s",
                              BENCH / "request.lua", url), **environment)
    if errors := re.search(r"Socket errors:.*", said):
        print(f"  {errors[0]}", file=sys.stderr)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Round(int(re.search(r"(\d+) requests in", said)[1]), 0, int(refused[1]) if refused else 0,
                 latency=re.findall(r"^ +(?:50|99)%\s+(\S+)", said, re.M))


def h2load(url, options, clients, streams):
    """h2load on one thread; the statuses must be all of one class."""
    lines = [word for line in FIELDS for word in ("-H", line)]
    said = run(on_second_core("h2load", "-t1", f"-c{clients}", f"-m{streams}", "-D", options.seconds, *lines, url))
    if not re.search(r"^Application protocol: h2$", said, re.M):
        raise SystemExit(f"{url} does not speak HTTP/2:\n{said}")
    classes = {name: int(count) for count, name in re.findall(r"(\d+) (\dxx)", said)}
    failed = int(re.search(r"(\d+) errored", said)[1]) + int(re.search(r"(\d+) timeout", said)[1])
    if failed or sum(count > 0 for count in classes.values()) != 1:
        raise SystemExit(f"{url}: {failed} requests failed, statuses {classes}")
    return Round(sum(classes.values()), 0)


def handshakes(port, options):
    """Full TLS 1.3 handshakes one after the other, nothing resumed."""
    said = run(on_second_core("openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-time", options.seconds))
    return Round(int(re.search(r"(\d+) connections in \S+ real seconds", said)[1]), 0)


def pace(generator, port, path, rate, options):
    """An open loop at a fixed rate; latencies in microseconds, from when a request was due."""
    said = run(on_second_core(generator, port, path + TARGET, f"{rate:.0f}", options.seconds, options.connections)).split()
    if int(said[1]):
        raise SystemExit(f"{said[1]} requests failed at {rate:.0f} a second")
    return Round(int(said[0]), 0, latency=[f"{float(said[2]):.0f}us", f"{float(said[4]):.0f}us"])


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(server, upstream, load, tries=TRIES):
    """Runs `load` and adds what the server used; repeated while the machine was busy with something else."""
    for attempt in range(tries):
        before = (server.cpu(), upstream.cpu(), machine_busy_seconds(), children_cpu(), time.monotonic())
        found = load()
        after = (server.cpu(), upstream.cpu(), machine_busy_seconds(), children_cpu(), time.monotonic())
        used = [b - a for a, b in zip(before, after)]
        found.cpu, found.seconds = used[0], used[4]
        found.foreign = (used[2] - used[0] - used[1] - used[3]) / used[4]
        if found.foreign < NOISE:
            break
        print(f"  something else used {found.foreign:.2f} cores: {'again' if attempt + 1 < tries else 'kept'}", file=sys.stderr)
    return found


def compare(name, contenders, rounds):
    """Interleaves rounds of (label, function) pairs and prints each; returns the rounds by label."""
    found = {label: [] for label, _ in contenders}
    for number in range(rounds):
        for label, run_once in contenders if number % 2 == 0 else contenders[::-1]:
            found[label].append(run_once(number))
    for label, each in found.items():
        figures = sorted(one.per_100k for one in each)
        middle = sorted(each, key=lambda one: one.per_100k)[len(each) // 2]
        print(f"  {name:11} {label:10} {statistics.median(figures):8.3f} CPU-s/100k ({figures[0]:.3f} to {figures[-1]:.3f})"
              f"  {1e5 / statistics.median(figures):8.0f}/s of a core  p50/p99 {'/'.join(middle.latency)}", file=sys.stderr)
    return found


def medians(found):
    """CPU-seconds per 100,000 requests by label."""
    return {label: statistics.median(one.per_100k for one in each) for label, each in found.items()}
