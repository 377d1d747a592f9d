"""A server process on one core, and what it costs."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and its children, since nginx works in a child."""
    members = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                members += family(int(child))
    except FileNotFoundError:
        pass
    return members


def cpu_seconds(pid):
    """User and system time of a process and its children, all threads."""
    total = 0
    for member in family(pid):
        try:
            words = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        total += int(words[11]) + int(words[12])
    return total / TICKS


def machine_busy_seconds():
    """Everything that every core did since boot, idling and waiting left out."""
    words = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (words[0] + words[1] + words[2] + words[5] + words[6] + words[7]) / TICKS


class Server:
    def __init__(self, command, core, env=None, log=None):
        self.log = log
        errors = log.open("wb") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=errors, env=os.environ | (env or {}))
        self.pid = self.process.pid

    def cpu(self):
        return cpu_seconds(self.pid)

    def listening_port(self, role="paywall", timeout=20):
        """The port in the log line that Farebox writes when it listens."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.log.read_text().splitlines():
                if line.startswith("{") and (event := json.loads(line)).get("message") == "listening" and event["role"] == role:
                    return int(re.search(r":(\d+)$", event["address"])[1])
            time.sleep(0.05)
        raise SystemExit(f"farebox does not listen:\n{self.log.read_text()}")

    def wait_for_port(self, port, timeout=10):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"nothing listens on {port}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
