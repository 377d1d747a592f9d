"""An HTTP/2 server on the `h2` package that knows nothing of payments, and can be told to end connections and streams."""

import hashlib
import json
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from .upstream import PIECE, Answer, Received, Upstream, _Handler

REFUSED_STREAM = 7
# How often a connection looks at what was asked of it from outside.
TURN = 0.01


class _Connection:
    """One connection: all of the library's calls are made by its own thread."""

    def __init__(self, upstream, client):
        self.upstream = upstream
        self.socket = client
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values=upstream.settings)
        self.bodies = {}
        self.waiting = {}
        self.sending = {}
        self.asked = []
        self.refused = set()

    def serve(self):
        self.h2.initiate_connection()
        self.flush()
        self.socket.settimeout(TURN)
        while True:
            try:
                data = self.socket.recv(65536)
                if not data:
                    return
                events = self.h2.receive_data(data)
            except TimeoutError:
                events = []
            for event in events:
                # What was read together with the head of a stream that is refused comes all the same.
                if getattr(event, "stream_id", None) not in self.refused:
                    self.take(event)
            for action in list(self.asked):
                self.asked.remove(action)
                action(self)
            self.answer_ready()
            self.pump()
            self.flush()
            if self.h2.state_machine.state is h2.connection.ConnectionState.CLOSED:
                return

    def flush(self):
        if data := self.h2.data_to_send():
            self.socket.settimeout(30)
            self.socket.sendall(data)
            self.socket.settimeout(TURN)

    def take(self, event):
        match event:
            case h2.events.RequestReceived():
                fields = dict(event.headers)
                received = Received(fields[":method"], fields[":path"], "HTTP/2", list(event.headers))
                self.bodies[event.stream_id] = (received, hashlib.sha256())
                if self.upstream.refusals > 0:
                    self.upstream.refusals -= 1
                    self.refused.add(event.stream_id)
                    self.h2.reset_stream(event.stream_id, REFUSED_STREAM)
                    return
                self.upstream.record(received)
                if self.upstream.answer_for(received).early:
                    self.waiting[event.stream_id] = received
            case h2.events.DataReceived():
                received, digest = self.bodies[event.stream_id]
                received.length += len(event.data)
                if received.length <= len(PIECE):
                    received.body += event.data
                digest.update(event.data)
                if not self.upstream.stalls:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                received, _ = self.bodies[event.stream_id]
                received.fields += [("trailer " + name, value) for name, value in event.headers]
            case h2.events.StreamEnded():
                received, digest = self.bodies[event.stream_id]
                received.digest = digest.hexdigest()
                received.complete = True
                if not self.upstream.answer_for(received).early:
                    self.waiting[event.stream_id] = received
            case h2.events.StreamReset():
                self.waiting.pop(event.stream_id, None)
                self.sending.pop(event.stream_id, None)
                if event.stream_id in self.bodies:
                    self.bodies[event.stream_id][0].broken = f"reset {int(event.error_code)}"

    def answer_ready(self):
        for stream, received in list(self.waiting.items()):
            answer = self.upstream.answer_for(received)
            if answer.gate is not None and not answer.gate.is_set():
                continue
            del self.waiting[stream]
            self.begin(stream, received, answer)

    def begin(self, stream, received, answer):
        for status, fields in answer.interim:
            self.h2.send_headers(stream, [(":status", str(status)), *fields])
        if answer.reset is not None and answer.break_after is None:
            return self.h2.reset_stream(stream, answer.reset)
        body = answer.body
        if body is None and answer.size is None and answer.pieces is None:
            body = json.dumps({"served": received.target, "method": received.method}).encode()
        head = [(":status", str(answer.status)), *((name.lower(), value) for name, value in answer.fields)]
        if body is not None and not answer.chunked and answer.status not in (204, 304):
            head.append(("content-length", str(len(body))))
        is_bodiless = answer.status in (204, 304) or received.method == "HEAD"
        ends = is_bodiless or (body == b"" and not answer.trailers)
        self.h2.send_headers(stream, head, end_stream=ends)
        if not ends:
            self.sending[stream] = [_Handler.body_pieces(answer, body), b"", 0, answer]

    def pump(self):
        """Sends as far as the windows are open."""
        for stream, state in list(self.sending.items()):
            pieces, rest, sent, answer = state
            while True:
                if not rest:
                    rest = next(pieces, None)
                    if rest is None:
                        self.end(stream, answer)
                        break
                if answer.break_after is not None and sent >= answer.break_after:
                    del self.sending[stream]
                    self.h2.reset_stream(stream, answer.reset or 2)
                    break
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(rest))
                if room == 0:
                    self.sending[stream] = [pieces, rest, sent, answer]
                    break
                self.h2.send_data(stream, rest[:room])
                rest, sent = rest[room:], sent + room
                self.flush()

    def end(self, stream, answer):
        del self.sending[stream]
        if answer.trailers:
            self.h2.send_headers(stream, [(name.lower(), value) for name, value in answer.trailers], end_stream=True)
        else:
            self.h2.end_stream(stream)

    def go_away(self, last=None):
        """Takes no more requests; those above `last` are not looked at."""
        self.h2.close_connection(last_stream_id=last)


@dataclass
class HTTP2Answer(Answer):
    """What a path answers; `early` before the request is complete, `reset` with a code instead, or after `break_after`."""

    interim: tuple = ()
    early: bool = False
    reset: int | None = None


class HTTP2Upstream(Upstream):
    """Speaks HTTP/2 with prior knowledge, or with `tls` by ALPN, where it has HTTP/1.1 too."""

    def __init__(self, start_serving=True, tls=None, settings=None):
        self.settings = settings or {}
        # Streams to refuse unread, and whether bodies are left in their windows.
        self.refusals = 0
        self.stalls = False
        self.connections = []
        if tls:
            tls.set_alpn_protocols(["h2", "http/1.1"])
        super().__init__(start_serving, tls)

    def _serve(self, client, address):
        with self.lock:
            self.open.add(client)
        try:
            if self.tls:
                plain, client = client, self.tls.wrap_socket(client, server_side=True)
                with self.lock:
                    self.open.discard(plain)
                    self.open.add(client)
                if client.selected_alpn_protocol() != "h2":
                    return type("Handler", (_Handler,), {"upstream": self})(client, address, self)
            connection = _Connection(self, client)
            self.connections.append(connection)
            connection.serve()
        except (OSError, ValueError, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.lock:
                self.open.discard(client)
            client.close()

    def answer_for(self, received):
        answer = super().answer_for(received)
        return answer if isinstance(answer, HTTP2Answer) else HTTP2Answer(**vars(answer))

    def reset(self):
        super().reset()
        self.refusals = 0

    def ask(self, action):
        """Has every connection do something, soon."""
        for connection in list(self.connections):
            connection.asked.append(action)
