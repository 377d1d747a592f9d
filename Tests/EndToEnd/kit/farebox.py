"""The program under test: started, listened to, stopped."""

import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from .manager import passing
from .polling import wait_until
from .wire import Connection, fetch

# A signature or a private key in hex, and an encoded payment: none of them may ever be printed.
LONG_HEX = re.compile(r"[0-9a-fA-F]{130,}")
ENCODED_JSON = re.compile(r"eyJ[A-Za-z0-9+/_-]{100,}={0,2}")


def binary():
    path = os.environ.get("FAREBOX")
    if not path:
        path = Path(__file__).resolve().parents[3] / ".build" / "release" / "farebox"
    assert Path(path).is_file(), f"no farebox at {path}: `make release` builds it"
    return str(path)


def environment(**extra):
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")}
    return kept | extra


def run(*arguments, env=None, stdin=None, timeout=30, cwd=None):
    """Runs a command to its end with piped output."""
    return subprocess.run(
        [binary(), *map(str, arguments)], capture_output=True, text=True, timeout=timeout, input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL, env=environment(**(env or {})), cwd=cwd)


class Farebox:
    """A running `farebox serve` or `farebox facilitator`; its output is collected and scanned for secrets at the end."""

    def __init__(self, *arguments, env=None, cwd=None, sockets=None):
        """`sockets` are listening ones by name, passed as a service manager passes them."""
        self.secrets = []
        self.lines = []
        command, env, passed = [binary(), *map(str, arguments)], dict(env or {}), ()
        if sockets:
            command, variables, passed = passing(command, sockets)
            env |= variables
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**env),
            cwd=cwd, pass_fds=passed)
        self.readers = [
            threading.Thread(target=self._collect, args=(pipe,), daemon=True)
            for pipe in (self.process.stdout, self.process.stderr)
        ]
        for reader in self.readers:
            reader.start()

    def _collect(self, pipe):
        for line in pipe:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return "\n".join(self.lines)

    def events(self, message=None):
        """The log lines that are JSON objects, or those with one message."""
        events = []
        for line in list(self.lines):
            if line.startswith("{"):
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if message is None or event.get("message") == message:
                    events.append(event)
        return events

    def wait_for_event(self, message, timeout=15, count=1, **metadata):
        def found():
            matches = [e for e in self.events(message) if all(e.get(k) == v for k, v in metadata.items())]
            if len(matches) >= count:
                return matches
            if self.process.poll() is not None:
                raise AssertionError(f"farebox ended with {self.process.returncode}:\n{self.output()}")
            return None

        return wait_until(found, f"log line {message!r} {metadata}", timeout)[count - 1]

    def address(self, role="paywall", count=1):
        """Where it listens, or listens by now: the address of the log's line of that number."""
        event = self.wait_for_event("listening", role=role, count=count)
        host, _, port = event["address"].rpartition(":")
        return host, int(port)

    def fetch(self, *arguments, role="paywall", **keywords):
        return fetch(self.address(role), *arguments, **keywords)

    def connect(self, role="paywall", **keywords):
        return Connection(self.address(role), **keywords)

    def url(self, role="paywall"):
        host, port = self.address(role)
        return f"http://{host}:{port}"

    def send_signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As a crash would: no chance to finish anything."""
        self.process.kill()
        self._finish()

    def stop(self, timeout=20):
        """Asks it to end, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self._finish()
            raise AssertionError(f"farebox did not end within {timeout} s of SIGTERM") from None
        self._finish()
        return self.process.returncode

    def _finish(self):
        self.process.wait()
        for reader in self.readers:
            reader.join(5)

    def descriptors(self):
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def leaks(self):
        """What the output holds that it must not: known secrets, signatures, encoded payments."""
        text = self.output()
        found = [secret for secret in self.secrets if secret in text]
        return found + [match[0] for match in [*LONG_HEX.finditer(text), *ENCODED_JSON.finditer(text)]]
