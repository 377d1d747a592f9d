"""Starts each server on a unix socket and reads back what it understood: one line per request that it read to its end."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from kit.nginx import NGINX
from kit.nginx import configuration as nginx_configuration
from kit.polling import wait_until
from kit.upstream import Upstream

HERE = Path(__file__).resolve().parent
NODE = shutil.which("node") or shutil.which("nodejs")


class Recorder:
    """The kit's own upstream, which is Python's `http.server`."""

    def __init__(self, folder):
        self.upstream = Upstream()
        self.url = self.upstream.url

    def records(self):
        """(method, target, body) of every request that was read whole."""
        return [(each.method, each.target, each.body.decode("latin-1")) for each in self.upstream.calls() if each.complete]

    def stop(self):
        self.upstream.stop()


class Process:
    """A server in a process of its own; it appends what it read to a file."""

    def __init__(self, folder, name, command, env=None):
        self.file = folder / f"{name}.records"
        self.socket = folder / f"{name}.sock"
        self.output = (folder / f"{name}.out").open("wb")
        self.url = f"unix:{self.socket}"
        self.file.touch()
        # Where an environment is Python's own, its scripts find it by this path.
        known = os.environ | {"RECORDS": str(self.file), "SOCKET": str(self.socket), "PYTHONPATH": str(HERE)}
        self.process = subprocess.Popen(
            [str(word).format(socket=self.socket) for word in command], cwd=HERE, env=known | (env or {}),
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)

    def wait(self):
        wait_until(self._connects, f"server at {self.socket}: {Path(self.output.name).read_text()}", timeout=30)

    def _connects(self):
        assert self.process.poll() is None, Path(self.output.name).read_text()
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    def records(self):
        return [tuple(json.loads(line)) for line in self.file.read_text().splitlines()]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


class Nginx(Process):
    """nginx as a gateway: what it understood is what it passes on."""

    def __init__(self, folder):
        self.behind = Recorder(folder)
        file = folder / "nginx.conf"
        file.write_text(nginx_configuration(
            folder, f"unix:{folder / 'nginx.sock'}", f"proxy_pass {self.behind.url};"))
        super().__init__(folder, "nginx", [NGINX, "-p", folder, "-c", file])

    def records(self):
        return self.behind.records()

    def stop(self):
        super().stop()
        self.behind.stop()


def uvicorn(parser):
    return lambda folder: Process(folder, parser, [
        sys.executable, "-m", "uvicorn", "asgi_echo:app", "--uds", "{socket}", "--http", parser, "--loop", "asyncio",
        "--lifespan", "off", "--no-access-log", "--timeout-keep-alive", "60"])


def gunicorn(folder):
    return Process(folder, "gunicorn", [
        sys.executable, "-m", "gunicorn", "wsgi_echo:app", "--bind", "unix:{socket}", "--worker-class", "gthread", "--threads", "8",
        "--keep-alive", "60", "--no-control-socket"])


# Name, how to start it, and why it may be missing here.
KINDS = {
    "http.server": (Recorder, None),
    "nginx": (Nginx, None if NGINX else "nginx is not installed"),
    "h11": (uvicorn("h11"), None),
    "httptools": (uvicorn("httptools"), None),
    "aiohttp": (lambda folder: Process(folder, "aiohttp", [sys.executable, "aiohttp_echo.py"]), None),
    "gunicorn": (gunicorn, None),
    "waitress": (lambda folder: Process(folder, "waitress", [sys.executable, "wsgi_echo.py"]), None),
    "node": (lambda folder: Process(folder, "node", [NODE, "node_echo.js"]), None if NODE else "node is not installed"),
}


@contextmanager
def running(folder):
    """Every server that can be had here, by name."""
    servers = {name: start(folder) for name, (start, lacks) in KINDS.items() if lacks is None}
    try:
        for server in servers.values():
            if hasattr(server, "wait"):
                server.wait()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def by_target(server):
    """What a server read: (method, body) of each request, by target."""
    found = {}
    for method, target, body in server.records():
        found.setdefault(target, []).append((method, body.encode("latin-1")))
    return found
