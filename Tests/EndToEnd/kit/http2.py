"""HTTP/2 over a socket with the `h2` package, whose rules can be left aside."""

from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import GoAwayFrame

from .wire import dial

TIMEOUT = 15.0


@dataclass
class Answer:
    """What came on one stream."""

    fields: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    is_complete: bool = False
    reset: int | None = None

    @property
    def status(self):
        return int(dict(self.fields)[b":status"]) if self.fields else None

    def first(self, name):
        return next((value.decode() for key, value in self.fields if key == name.encode()), None)


class Client:
    """One connection, with prior knowledge or, with a context for it, over TLS."""

    def __init__(self, address, window=None, takes=True, tls=None):
        self.socket = dial(address, TIMEOUT, tls=tls, protocol="h2")
        config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        if window is not None:
            self.h2.local_settings[h2.settings.SettingCodes.INITIAL_WINDOW_SIZE] = window
        self.takes = takes
        self.answers = {}
        self.go_aways = []
        self.is_closed = False
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def send_raw(self, data):
        """Bytes past the library: False when the peer has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def request(self, path, method="GET", fields=(), ends=True, flush=True, authority="api.example.com"):
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
        self.h2.send_headers(stream, head + list(fields), end_stream=ends)
        self.answers[stream] = Answer()
        if flush:
            self.flush()
        return stream

    def send_body(self, stream, body, ends=True):
        """Sends as the windows open."""
        sent = 0
        while sent < len(body):
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body) - sent)
            if room == 0:
                assert self.receive(), f"closed early: {self.go_aways}"
                continue
            self.h2.send_data(stream, body[sent:sent + room])
            sent += room
            self.flush()
        if ends:
            self.h2.end_stream(stream)
            self.flush()

    def receive(self):
        """Reads once; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.is_closed = True
            return False
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            # The library takes nothing any more once it has seen a GOAWAY with an error; what else came is read past it.
            return True
        for event in events:
            self.take(event)
        self.flush()
        return True

    def take(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        match event:
            case h2.events.ResponseReceived():
                answer.fields = event.headers
            case h2.events.DataReceived():
                answer.body += event.data
                if self.takes and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                answer.trailers = event.headers
            case h2.events.StreamEnded():
                answer.is_complete = True
            case h2.events.StreamReset():
                answer.reset = event.error_code
            case h2.events.ConnectionTerminated():
                self.go_aways.append((event.last_stream_id, event.error_code))

    def until(self, condition):
        while not condition():
            assert self.receive(), f"closed early: {self.go_aways}"

    def answer(self, stream):
        answer = self.answers[stream]
        self.until(lambda: answer.is_complete or answer.reset is not None)
        return answer

    def extended_connect(self, path, fields=(), protocol="websocket"):
        """RFC 8441; returns the stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [
            (":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":authority", "api.example.com"),
            (":path", path), ("sec-websocket-version", "13"), *fields])
        self.answers[stream] = Answer()
        self.flush()
        return stream

    def reset(self, stream, code=8):
        self.h2.reset_stream(stream, code)
        self.flush()

    def fetch(self, path, method="GET", fields=(), body=None, **options):
        stream = self.request(path, method, fields, ends=body is None, **options)
        if body is not None:
            self.send_body(stream, body)
        return self.answer(stream)

    def until_closed(self):
        """Reads to the end of the connection; returns the code of its last GOAWAY."""
        rest = b""
        while True:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                break
            if not data:
                break
            rest += data
        codes = [frame_code(payload) for kind, payload in frames(rest) if kind == GoAwayFrame.type]
        return codes[-1] if codes else None


    def frames_until(self, isOver):
        """Reads frames past the library, (type, flags, payload), until `isOver` of all of them or the end of the connection."""
        rest, found = b"", []
        while not isOver(found) and (data := self.socket.recv(65536)):
            rest += data
            while len(rest) >= 9 and len(rest) >= 9 + int.from_bytes(rest[:3]):
                end = 9 + int.from_bytes(rest[:3])
                found.append((rest[3], rest[4], rest[9:end]))
                rest = rest[end:]
        return found


def frame_code(payload):
    return int.from_bytes(payload[4:8])


def frames(data):
    """(type, payload) of each whole frame."""
    while len(data) >= 9:
        length = int.from_bytes(data[:3])
        yield data[3], data[9:9 + length]
        data = data[9 + length:]
