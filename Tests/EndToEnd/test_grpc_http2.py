"""gRPC end to end over HTTP/2: a client, Farebox, and a server of grpcio, with the four kinds of calls."""

import hashlib
import threading
from concurrent import futures

import grpc
import pytest
from kit.payments import Challenge
from kit.polling import wait_until
from kit.routes import route
from kit.wire import Response

ROUTES = [route("POST /shop.Paid/*", "$0.001"), route("POST /shop.After/*", "$0.001", settle="after"), route("POST /shop.Free/*", "free")]
LARGE = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


class Service(grpc.GenericRpcHandler):
    """Serves every service by the last part of its path; messages are bytes."""

    def __init__(self):
        self.calls = []
        self.cancelled = threading.Event()
        self.gate = threading.Event()
        self.sent = 0

    def service(self, details):
        kinds = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo), "Digest": grpc.unary_unary_rpc_method_handler(self.digest),
            "Wait": grpc.unary_unary_rpc_method_handler(self.wait), "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Count": grpc.unary_stream_rpc_method_handler(self.count), "Flood": grpc.unary_stream_rpc_method_handler(self.flood),
            "Join": grpc.stream_unary_rpc_method_handler(self.join), "Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "First": grpc.stream_stream_rpc_method_handler(self.first),
        }
        return kinds.get(details.method.rsplit("/", 1)[1])

    def note(self, context):
        self.calls.append(dict(context.invocation_metadata()))

    def echo(self, message, context):
        self.note(context)
        context.send_initial_metadata((("x-first", "1"), ("x-binary-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-last", "2"),))
        return message

    def digest(self, message, context):
        return hashlib.sha256(message).digest() + message[:1] * (20 << 20)

    def fail(self, message, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing \u00e0 la carte")

    def wait(self, message, context):
        context.add_callback(self.cancelled.set)
        self.note(context)
        self.gate.wait(20)
        return message

    def count(self, message, context):
        for number in range(int(message)):
            yield str(number).encode()

    def flood(self, message, context):
        context.add_callback(self.cancelled.set)
        piece = bytes(64 << 10)
        while context.is_active():
            self.sent += len(piece)
            yield piece

    def join(self, messages, context):
        return b",".join(messages)

    def talk(self, messages, context):
        context.add_callback(self.cancelled.set)
        for message in messages:
            yield b"re: " + message

    def first(self, messages, context):
        """Speaks before it is spoken to."""
        yield b"hello"
        for message in messages:
            yield message


class Server:
    """A server of grpcio on a free port, with what `make_site` asks of an upstream."""

    def __init__(self):
        self.service = Service()
        self.server = grpc.server(futures.ThreadPoolExecutor(32), handlers=[self.service], options=LARGE)
        self.url = f"http://127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def stop(self, grace=None):
        self.service.gate.set()
        return self.server.stop(grace)


@pytest.fixture(scope="module")
def shop(module_site):
    server = Server()
    return module_site(ROUTES, server, upstreams=[{"name": "api", "url": server.url, "protocol": "h2"}])


@pytest.fixture
def service(shop):
    service = shop.upstream.service
    service.calls.clear()
    service.cancelled.clear()
    service.gate.clear()
    service.sent = 0
    return service


@pytest.fixture(scope="module")
def channel(shop):
    host, port = shop.process.address()
    with grpc.insecure_channel(f"{host}:{port}", options=LARGE) as channel:
        yield channel


def refusal(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value


def paid(payer, channel, path):
    error = refusal(lambda: channel.unary_unary(path)(b"?"))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error
    challenge = Challenge(Response(402, "", [(item.key, item.value) for item in error.trailing_metadata()]))
    return [(name.lower(), value) for name, value in payer.pay(challenge).v2_fields().items()]


def test_a_call_with_its_metadata_both_ways(channel, service):
    metadata = (("x-mine", "3"), ("x-token-bin", b"\x01\xfe"))
    answer, call = channel.unary_unary("/shop.Free/Echo").with_call(b"hello", metadata=metadata, timeout=10)
    assert answer == b"hello"
    (received,) = service.calls
    assert received["x-mine"] == "3" and received["x-token-bin"] == b"\x01\xfe"
    first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert first["x-first"] == "1" and first["x-binary-bin"] == b"\x00\xff" and last["x-last"] == "2"


@pytest.mark.parametrize("kind", ["Paid", "After"])
def test_a_paid_call_is_served_with_a_receipt(shop, channel, service, payer, kind):
    path = f"/shop.{kind}/Echo"
    metadata = paid(payer, channel, path)
    assert not service.calls
    answer, call = channel.unary_unary(path).with_call(b"question", metadata=metadata, timeout=10)
    assert answer == b"question" and "payment-response" in dict(call.initial_metadata())
    assert shop.states_of(payer) == [("settled", "delivered")]
    again = refusal(lambda: channel.unary_unary(path)(b"question", metadata=metadata))
    assert again.code() is grpc.StatusCode.FAILED_PRECONDITION and len(service.calls) == 1


def test_streams_in_every_direction(channel, service):
    assert [int(answer) for answer in channel.unary_stream("/shop.Free/Count")(b"500", timeout=20)] == list(range(500))
    parts = [str(number).encode() for number in range(500)]
    assert channel.stream_unary("/shop.Free/Join")(iter(parts), timeout=20) == b",".join(parts)
    assert list(channel.stream_stream("/shop.Free/Talk")(iter(parts), timeout=20)) == [b"re: " + part for part in parts]


def test_a_conversation_turn_by_turn(channel, payer):
    metadata = paid(payer, channel, "/shop.Paid/Talk")
    turns, answered = 20, threading.Semaphore(1)

    def questions():
        for number in range(turns):
            assert answered.acquire(timeout=10)
            yield str(number).encode()

    for number, answer in enumerate(channel.stream_stream("/shop.Paid/Talk")(questions(), metadata=metadata, timeout=30)):
        assert answer == f"re: {number}".encode()
        answered.release()
    assert number == turns - 1


def test_a_server_may_speak_first(channel):
    heard = threading.Event()

    def waits():
        assert heard.wait(10)
        yield b"at last"

    answers = channel.stream_stream("/shop.Free/First")(waits(), timeout=20)
    assert next(answers) == b"hello"
    heard.set()
    assert list(answers) == [b"at last"]


def test_a_status_of_the_server_arrives(shop, channel, payer):
    error = refusal(lambda: channel.unary_unary("/shop.Free/Fail")(b"?", timeout=10))
    assert error.code() is grpc.StatusCode.NOT_FOUND and error.details() == "nothing \u00e0 la carte"
    assert refusal(lambda: channel.unary_unary("/shop.Free/None")(b"?")).code() is grpc.StatusCode.UNIMPLEMENTED
    metadata = paid(payer, channel, "/shop.Paid/Fail")
    refusal(lambda: channel.unary_unary("/shop.Paid/Fail")(b"?", metadata=metadata, timeout=10))
    assert shop.states_of(payer) == [("settled", "undelivered")]


def test_a_deadline_reaches_the_server(channel, service):
    error = refusal(lambda: channel.unary_unary("/shop.Free/Wait")(b"?", timeout=0.5))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.cancelled.wait(10), "the server was not told"


@pytest.mark.parametrize("path", ["Flood", "Talk"])
def test_a_client_that_cancels_ends_the_call_at_the_server(channel, service, path):
    silent = threading.Event()
    if path == "Flood":
        call = channel.unary_stream("/shop.Free/Flood")(b"?")
    else:
        call = channel.stream_stream("/shop.Free/Talk")(b"x" if turn == 0 else silent.wait(20) and b"" for turn in range(2))
    next(call)
    call.cancel()
    silent.set()
    assert service.cancelled.wait(10), "the server was not told"
    assert channel.unary_unary("/shop.Free/Echo")(b"still there", timeout=10) == b"still there"


def test_large_messages(channel):
    message = bytes(range(256)) * (80 << 10)
    answer = channel.unary_unary("/shop.Free/Digest")(message, timeout=60)
    assert answer[:32] == hashlib.sha256(message).digest() and len(answer) == 32 + (20 << 20)


def test_a_client_that_does_not_read_holds_the_server_back(shop, channel, service):
    before = shop.process.resident_bytes()
    calls = [channel.unary_stream("/shop.Free/Flood")(b"?") for _ in range(5)]
    for call in calls:
        next(call)
    # Whoever does not read hears nothing more; others do.
    assert channel.unary_unary("/shop.Free/Echo")(b"x", timeout=10) == b"x"
    assert shop.process.resident_bytes() - before < 40 << 20
    for call in calls:
        call.cancel()


def test_many_calls_share_a_connection(channel, service):
    pending = [channel.unary_unary("/shop.Free/Wait").future(str(number).encode()) for number in range(20)]
    wait_until(lambda: len(service.calls) == 20, "calls at the server")
    assert channel.unary_unary("/shop.Free/Echo")(b"x", timeout=10) == b"x"
    service.gate.set()
    assert [call.result(20) for call in pending] == [str(number).encode() for number in range(20)]


def test_a_server_that_ends_finishes_its_calls_and_another_takes_the_next(make_site):
    servers = Server(), Server()
    site = make_site(ROUTES, servers[0], upstreams=[
        {"name": "api", "servers": [server.url for server in servers], "protocol": "h2", "fail_timeout": "60s", "max_fails": 1}])
    host, port = site.process.address()
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        pending = [channel.unary_unary("/shop.Free/Wait").future(b"late") for _ in range(4)]
        wait_until(lambda: all(len(server.service.calls) == 2 for server in servers), "calls at both servers")
        stopped = servers[0].server.stop(10)
        for _ in range(6):
            assert channel.unary_unary("/shop.Free/Echo")(b"x", timeout=10) == b"x"
        for server in servers:
            server.service.gate.set()
        assert [call.result(10) for call in pending] == [b"late"] * 4
        stopped.wait(10)
    servers[1].stop()
