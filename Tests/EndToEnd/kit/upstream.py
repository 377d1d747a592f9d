"""A plain HTTP server that knows nothing of payments and writes down every request that reaches it."""

import hashlib
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from .polling import wait_until

PIECE = bytes(range(256)) * 1024  # 256 KiB


@dataclass
class Received:
    """One request as the upstream saw it."""

    method: str
    target: str
    version: str = ""
    fields: list = field(default_factory=list)
    length: int = 0
    digest: str = ""
    body: bytes = b""
    complete: bool = False
    broken: str = ""

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def first(self, name, default=None):
        return next(iter(self.all(name)), default)

    def names(self):
        return {name.lower() for name, _ in self.fields}


@dataclass
class Answer:
    """What a path answers. `size` sends that many bytes of a pattern; `break_after` closes inside the body."""

    status: int = 200
    body: bytes | None = None
    fields: tuple = ()
    chunked: bool = False
    trailers: tuple = ()
    size: int | None = None
    break_after: int | None = None
    close: bool = False
    gate: threading.Event | None = None
    pieces: object = None
    raw: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline.strip():
                self.close_connection = True
                return
            words = self.raw_requestline.decode("latin-1").rstrip("\r\n").split(" ")
            if not self.parse_request():
                self.upstream.record(Received("?", " ".join(words), broken="not a request"))
                self.close_connection = True
                return
            # The parsed path has double slashes collapsed; the raw line is what was asked for.
            received = Received(words[0], words[1], words[-1], list(self.headers.items()))
            self.upstream.record(received)
            self.read_body(received)
            self.answer(received, self.upstream.answer_for(received))
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def read_body(self, received):
        digest = hashlib.sha256()

        def take(count):
            while count:
                piece = self.rfile.read(min(count, len(PIECE)))
                if not piece:
                    received.broken = "the body broke off"
                    raise ConnectionError
                count -= len(piece)
                received.length += len(piece)
                if received.length <= len(PIECE):
                    received.body += piece
                digest.update(piece)

        if "chunked" in (received.first("transfer-encoding") or "").lower():
            while size := self.read_chunk_size(received):
                take(size)
                self.rfile.readline()
            while line := self.rfile.readline().strip():
                received.fields.append(tuple(part.strip() for part in ("trailer " + line.decode()).split(":", 1)))
        elif length := received.first("content-length"):
            take(int(length))
        received.digest = digest.hexdigest()
        received.complete = True

    def read_chunk_size(self, received):
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            received.broken = "the body broke off"
            raise ConnectionError
        return int(line.split(b";")[0], 16)

    def answer(self, received, answer):
        if answer.gate is not None and not answer.gate.wait(60):
            raise ConnectionError
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            self.close_connection = True
            return
        body = answer.body
        if body is None and answer.size is None and answer.pieces is None:
            body = json.dumps({"served": received.target, "method": received.method}).encode()
        head = [f"HTTP/1.1 {answer.status} {'OK' if answer.status == 200 else 'Answered'}"]
        head += [f"{name}: {value}" for name, value in answer.fields]
        streams = answer.chunked or answer.pieces is not None
        bodiless = answer.status in (204, 304) or received.method == "HEAD"
        if streams:
            head.append("Transfer-Encoding: chunked")
        elif answer.status not in (204, 304):
            head.append(f"Content-Length: {answer.size if answer.size is not None else len(body)}")
        if answer.close:
            head.append("Connection: close")
            self.close_connection = True
        self.wfile.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
        if not bodiless:
            self.write_body(answer, body, streams)

    def write_body(self, answer, body, streams):
        sent = 0
        for piece in self.body_pieces(answer, body):
            if answer.break_after is not None and sent + len(piece) > answer.break_after:
                self.wfile.write(piece[: answer.break_after - sent])
                raise ConnectionError
            sent += len(piece)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if streams else piece)
        if streams:
            trailers = "".join(f"{name}: {value}\r\n" for name, value in answer.trailers)
            self.wfile.write(f"0\r\n{trailers}\r\n".encode())

    @staticmethod
    def body_pieces(answer, body):
        if answer.pieces is not None:
            yield from answer.pieces
        elif answer.size is not None:
            remaining = answer.size
            while remaining:
                piece = PIECE[: min(remaining, len(PIECE))]
                remaining -= len(piece)
                yield piece
        elif body:
            yield body


class Upstream:
    """Listens on a free port of the loopback from the start; `start_serving=False` refuses connections until `serve()`."""

    def __init__(self, start_serving=True, tls=None):
        # Holds the port while nobody listens there.
        self.holder = self._bound(("127.0.0.1", 0))
        self.address = self.holder.getsockname()
        self.socket = self._bound(self.address)
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.address[1]}"
        self.accepted = 0
        self.lock = threading.Lock()
        self.requests = []
        self.answers = {}
        self.open = set()
        if start_serving:
            self.serve()

    @staticmethod
    def _bound(address):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        return made

    def die(self):
        """Refuses connections and breaks those that are open."""
        self._close()
        self.drop_connections()

    def revive(self):
        """Listens again, on the same port."""
        self.socket = self._bound(self.address)
        self.serve()

    def serve(self):
        self.socket.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        listener = self.socket
        while True:
            try:
                client, address = listener.accept()
            except OSError:
                return
            self.accepted += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(client, address), daemon=True).start()

    def _serve(self, client, address):
        handler = type("Handler", (_Handler,), {"upstream": self})
        with self.lock:
            self.open.add(client)
        try:
            if self.tls:
                plain, client = client, self.tls.wrap_socket(client, server_side=True)
                with self.lock:
                    self.open.discard(plain)
                    self.open.add(client)
            handler(client, address, self)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(client)
            client.close()

    def stop(self):
        self.die()
        self.holder.close()

    def _close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def drop_connections(self):
        """Breaks every open connection, idle ones of a pool included."""
        with self.lock:
            clients = list(self.open)
        for client in clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def record(self, received):
        with self.lock:
            self.requests.append(received)

    def answer_for(self, received):
        answer = self.answers.get(received.target.split("?")[0], Answer())
        return answer(received) if callable(answer) else answer

    def reset(self):
        with self.lock:
            self.requests = []
            self.answers = {}

    def calls(self, marker=None):
        """The requests so far, or those whose target contains `marker`."""
        with self.lock:
            return [r for r in self.requests if marker is None or marker in r.target]

    def wait_for_calls(self, count=1, marker=None):
        return wait_until(
            lambda: len(found := self.calls(marker)) >= count and found, f"{count} call(s) of the upstream"
        )
