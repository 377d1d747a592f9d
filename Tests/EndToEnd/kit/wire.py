"""HTTP by hand over a socket: every byte of the request is the test's, every byte of the answer is checked."""

import json
import socket
from dataclasses import dataclass, field

TIMEOUT = 15.0


@dataclass
class Response:
    """One answer as it came: field names keep their case, repeated fields stay apart."""

    status: int
    reason: str
    fields: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def first(self, name, default=None):
        return next(iter(self.all(name)), default)

    def json(self):
        return json.loads(self.body)


class BrokenAnswer(Exception):
    """The peer closed or sent something that is not a complete HTTP/1.1 answer."""


def dial(address, timeout=TIMEOUT, receive_buffer=None, source=None, tls=None, protocol="http/1.1"):
    """A socket; over TLS with an `ssl.SSLContext`, which then speaks only this protocol."""
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if source:
            plain.bind((source, 0))
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(timeout)
        plain.connect(address)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return plain
        secure = tls.wrap_socket(plain, server_hostname="localhost")
        assert secure.selected_alpn_protocol() == protocol
        return secure
    except BaseException:
        plain.close()
        raise


class Connection:
    """One TCP connection with a reader that is strict about framing."""

    def __init__(self, address, timeout=TIMEOUT, receive_buffer=None, source=None, tls=None):
        """`source` is the loopback address to come from, so that one machine can be several clients."""
        self.socket = dial(address, timeout, receive_buffer, source, tls)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with a RST, as a client that crashed would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def close(self):
        self.socket.close()

    def fill(self):
        """Reads some more; false at the end of the stream or after a reset."""
        try:
            chunk = self.socket.recv(262144)
        except ConnectionResetError:
            return False
        self.buffer += chunk
        return bool(chunk)

    def is_closed_by_peer(self):
        """Whether the peer closes without sending anything more. Waits for the time-out if it does not."""
        while not self.buffer:
            try:
                if not self.fill():
                    return True
            except TimeoutError:
                return False
        return False

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise BrokenAnswer(f"closed with {len(self.buffer)} of {count} bytes")
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def take_line(self):
        while b"\r\n" not in self.buffer:
            if not self.fill():
                raise BrokenAnswer(f"closed inside a line: {bytes(self.buffer[:200])!r}")
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer = bytearray(rest)
        return line.decode("latin-1")

    def take_fields(self):
        fields = []
        while line := self.take_line():
            name, separator, value = line.partition(":")
            if not separator or not name or name != name.strip():
                raise BrokenAnswer(f"not a field line: {line!r}")
            fields.append((name, value.strip()))
        return fields

    def read_head(self):
        version, status, *reason = self.take_line().split(" ", 2)
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise BrokenAnswer(f"not HTTP/1: {version!r}")
        return Response(int(status), reason[0] if reason else "", self.take_fields())

    def read_response(self, method="GET", informational=None):
        """Reads one final answer whole; 1xx heads before it go to the list `informational`, if one is given."""
        response = self.read_head()
        while 100 <= response.status < 200 and response.status != 101:
            if informational is not None:
                informational.append(response)
            response = self.read_head()
        response.body = b"".join(self.body_parts(response, method))
        return response

    def body_parts(self, response, method="GET"):
        """Yields the body in pieces as they arrive, by the framing rules of RFC 9112 section 6.3."""
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return
        coding, lengths = response.all("transfer-encoding"), response.all("content-length")
        if coding and lengths:
            raise BrokenAnswer("both Transfer-Encoding and Content-Length")
        if coding:
            if [word.lower() for word in coding] != ["chunked"]:
                raise BrokenAnswer(f"Transfer-Encoding {coding}")
            yield from self.chunks(response)
        elif lengths:
            if len(lengths) != 1 or not lengths[0].isdecimal():
                raise BrokenAnswer(f"Content-Length {lengths}")
            remaining = int(lengths[0])
            while remaining:
                if not self.buffer and not self.fill():
                    raise BrokenAnswer(f"closed {remaining} bytes early")
                piece = self.take(min(remaining, len(self.buffer)))
                remaining -= len(piece)
                yield piece
        else:
            while self.buffer or self.fill():
                piece = bytes(self.buffer)
                self.buffer.clear()
                yield piece

    def chunks(self, response):
        while size := int(self.take_line().split(";")[0], 16):
            yield self.take(size)
            if self.take(2) != b"\r\n":
                raise BrokenAnswer("a chunk without its CRLF")
        response.trailers = self.take_fields()


def request(method="GET", target="/", fields=(), body=None, host="api.example.com", version="HTTP/1.1"):
    """The bytes of a request. A body of bytes gets its Content-Length; `host=None` leaves the field out."""
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in (fields.items() if isinstance(fields, dict) else fields)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def fetch(address, method="GET", target="/", fields=(), body=None, host="api.example.com", timeout=TIMEOUT, source=None):
    """One request on a connection of its own."""
    with Connection(address, timeout, source=source) as connection:
        connection.send(request(method, target, fields, body, host))
        return connection.read_response(method)
