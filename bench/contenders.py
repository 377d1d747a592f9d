"""The servers that are measured: Farebox, nginx and HAProxy on the first core, their upstream on the second."""

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from server import Server

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
FOLDER = ROOT / ".cache" / "bench"
FAREBOX = Path(os.environ.get("FAREBOX") or ROOT / ".build" / "release" / "farebox")
ASSETS = {"pay_to": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "usdc": "0x036CbD53842c5426634e7929541eC2318f3dCF7e"}
TARGET = "?city=berlin&units=metric"
LARGE = 1 << 20


def free_ports(*names):
    sockets = [socket.socket() for _ in names]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return dict(zip(names, ports))


def render(template, name, **values):
    text = (BENCH / "conf" / template).read_text()
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


def ask(port, path, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path + TARGET, headers={"Host": "api.example.com", **fields})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    return answer


def challenge_of(port, path="/paid/weather"):
    """The 402 of a priced route."""
    answer = ask(port, path)
    assert answer.status == 402, answer.status
    return answer


def offer_of(challenge):
    return json.loads(base64.b64decode(challenge.headers["PAYMENT-REQUIRED"]))["accepts"][0]


def make_certificate():
    """A self-signed P-256 certificate, with its key, and both in one file for HAProxy."""
    certificate, key = FOLDER / "certificate.pem", FOLDER / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    (FOLDER / "both.pem").write_bytes(certificate.read_bytes() + key.read_bytes())


def compile_c(name, *libraries):
    binary = FOLDER / name
    subprocess.run(["cc", "-O2", "-o", binary, BENCH / f"{name}.c", *(f"-l{each}" for each in libraries)], check=True)
    return binary


def installed(name):
    return shutil.which(name) or f"/usr/sbin/{name}"


class Contenders:
    """Everything that listens during a run. nginx and HAProxy write no access log, so Farebox is compared without its own."""

    def __init__(self):
        self.running = []
        try:
            self.start_all()
        except BaseException:
            self.close()
            raise

    def start_all(self):
        FOLDER.mkdir(parents=True, exist_ok=True)
        make_certificate()
        (FOLDER / "large").write_bytes(bytes(range(256)) * (LARGE // 256))
        self.ports = free_ports("upstream", "proxy", "refuses", "repeats", "roomy", "tls", "haproxy", "haproxy_tls", "events")
        upper = {name.upper(): port for name, port in self.ports.items()}
        nginx = installed("nginx")
        self.upstream = self.start([nginx, "-c", render("upstream.conf", "upstream.nginx", **upper)], core=1)
        self.upstream.wait_for_port(self.ports["upstream"])
        self.farebox, self.farebox_port = self.start_farebox("quiet")
        challenge = challenge_of(self.farebox_port)
        self.offer = offer_of(challenge)
        proxy = render("proxy.conf", "proxy.nginx", FIELDS=constant_fields(challenge), BODY=quoted(challenge.text), **upper)
        self.nginx = self.start([nginx, "-c", proxy])
        self.haproxy = self.start([installed("haproxy"), "-db", "-f", render("haproxy.cfg", "haproxy.cfg", **upper)])
        self.nginx.wait_for_port(self.ports["proxy"])
        self.haproxy.wait_for_port(self.ports["haproxy"])

    def start(self, command, core=0, **keywords):
        server = Server(command, core=core, **keywords)
        self.running.append(server)
        return server

    def start_farebox(self, name, access_log="false", tls=""):
        """A process with a ledger of its own; returns it and the port of its plain listener."""
        for leftover in FOLDER.glob(f"{name}.*"):
            leftover.unlink()
        routes = render("routes.toml", f"{name}.toml", UPSTREAM=self.ports["upstream"], EVENTS=self.ports["events"], NAME=name,
                        ACCESS_LOG=access_log, TLS=tls)
        server = self.start([FAREBOX, "serve", "--config", routes], env={"FAREBOX_LOOPS": "1"}, log=FOLDER / f"{name}.log")
        return server, server.listening_port()

    def start_farebox_with_tls(self):
        """A process that speaks TLS too; returns it and the port of that listener."""
        port = free_ports("tls")["tls"]
        server, _ = self.start_farebox("tls", tls=(BENCH / "conf" / "tls.toml").read_text()
                                       .replace("@PORT@", str(port)).replace("@FOLDER@", str(FOLDER)))
        server.wait_for_port(port)
        return server, port

    def close(self):
        for server in reversed(self.running):
            server.stop()
