"""WebSocket servers that know nothing of payments, and what their clients see of a paywall."""

import threading

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

from .wire import Response


HANDSHAKE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class WebSocketUpstream:
    """A server whose connections are handled by `handle(connection)`; by default an echo."""

    def __init__(self, handle=None):
        self.handshakes = []
        self.handle = handle or self.echo
        self.server = serve(self._serve, "127.0.0.1", 0, compression="deflate", max_size=None)
        self.url = f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _serve(self, connection):
        self.handshakes.append(connection.request)
        self.handle(connection)

    @staticmethod
    def echo(connection):
        for message in connection:
            connection.send(message)

    def stop(self):
        self.server.shutdown()


def open_socket(site, target, fields=None, **options):
    """A client's connection through the paywall."""
    host, port = site.process.address()
    return connect(
        f"ws://{host}:{port}{target}", additional_headers=fields or {}, proxy=None, max_size=None, **options)


def frame(opcode, payload, mask=True):
    """One frame of RFC 6455 section 5.2, as a client sends it, or a server."""
    head = bytes([0x80 | opcode, (0x80 if mask else 0) | len(payload)])
    if not mask:
        return head + payload
    key = b"\x01\x02\x03\x04"
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def refusal(site, target, fields=None, **options):
    """What a client gets to see of a handshake that is refused."""
    try:
        open_socket(site, target, fields, **options).close()
    except InvalidStatus as refused:
        answer = refused.response
        return Response(answer.status_code, answer.reason_phrase, list(answer.headers.raw_items()), answer.body or b"")
    raise AssertionError("the handshake was not refused")
