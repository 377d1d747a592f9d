"""A client of gRPC reads the price in its metadata, and pays with metadata. The upstream speaks HTTP/1.1 with trailers."""

import struct

import grpc
import pytest
from kit.http2 import Client
from kit.payments import Challenge
from kit.routes import route
from kit.upstream import Answer, Upstream
from kit.wire import Response

ROUTES = [
    route("POST /shop.Paid/*", "$0.001"), route("POST /shop.After/*", "$0.001", settle="after"),
    route("POST /shop.Free/*", "free"),
]
TYPE = ("content-type", "application/grpc")


@pytest.fixture(scope="module")
def shop(module_site):
    return module_site(ROUTES, upstream=Upstream())


@pytest.fixture
def upstream(shop):
    shop.upstream.reset()
    return shop.upstream


@pytest.fixture(scope="module")
def channel(shop):
    host, port = shop.process.address()
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        yield channel


def message(body):
    return b"\x00" + struct.pack(">I", len(body)) + body


def served(*bodies, status=0):
    return Answer(fields=(TYPE,), pieces=[message(body) for body in bodies], trailers=(("grpc-status", str(status)),))


def refusal(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value


def challenge(error):
    """The 402 that a failed call tells of."""
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error
    return Challenge(Response(402, "", [(item.key, item.value) for item in error.trailing_metadata()]))


def paid(payer, channel, path):
    fields = payer.pay(challenge(refusal(lambda: channel.unary_unary(path)(b"?")))).v2_fields()
    return [(name.lower(), value) for name, value in fields.items()]


def test_an_unpaid_call_fails_with_the_price_in_its_metadata(channel, upstream):
    error = refusal(lambda: channel.unary_unary("/shop.Paid/Echo")(b"hello"))
    assert error.details() == "Payment required"
    assert challenge(error).offers and challenge(error).plain
    assert not upstream.calls()


@pytest.mark.parametrize("service", ["Paid", "After"])
def test_a_paid_call_is_served_with_a_receipt(shop, channel, upstream, payer, service):
    path = f"/shop.{service}/Echo"
    upstream.answers[path] = served(b"hello")
    metadata = paid(payer, channel, path)
    answer, call = channel.unary_unary(path).with_call(b"question", metadata=metadata, timeout=10)
    assert answer == b"hello" and call.code() is grpc.StatusCode.OK
    assert "payment-response" in dict(call.initial_metadata())
    (received,) = upstream.calls()
    assert received.body == message(b"question") and received.first("te") == "trailers"
    assert received.first("grpc-timeout") and not received.first("payment-signature")
    assert shop.states_of(payer) == [("settled", "delivered")]
    again = refusal(lambda: channel.unary_unary(path)(b"question", metadata=metadata))
    assert challenge(again).error == "payment_already_used"


def test_a_stream_of_the_server(channel, upstream, payer):
    upstream.answers["/shop.Paid/Count"] = served(*(str(number).encode() for number in range(100)))
    metadata = paid(payer, channel, "/shop.Paid/Count")
    answers = channel.unary_stream("/shop.Paid/Count")(b"?", metadata=metadata)
    assert [int(answer) for answer in answers] == list(range(100))


def test_a_stream_that_fails_in_the_end_was_delivered(shop, channel, upstream, payer):
    upstream.answers["/shop.Paid/Fail"] = served(b"one", status=15)
    metadata = paid(payer, channel, "/shop.Paid/Fail")
    answers = channel.unary_stream("/shop.Paid/Fail")(b"?", metadata=metadata)
    assert next(answers) == b"one"
    assert refusal(lambda: next(answers)).code() is grpc.StatusCode.DATA_LOSS
    assert shop.states_of(payer) == [("settled", "delivered")]


def test_a_call_that_fails_at_once_was_not_delivered(shop, channel, upstream, payer):
    upstream.answers["/shop.Paid/None"] = Answer(
        fields=(TYPE, ("grpc-status", "5"), ("grpc-message", "nothing there")), body=b"")
    metadata = paid(payer, channel, "/shop.Paid/None")
    error = refusal(lambda: channel.unary_unary("/shop.Paid/None")(b"?", metadata=metadata))
    assert shop.states_of(payer) == [("settled", "undelivered")]
    assert "payment-grant" in dict(error.trailing_metadata() or ()) | dict(error.initial_metadata() or ())


def test_a_call_reaches_the_upstream_before_its_first_message(shop, upstream):
    with Client(shop.process.address()) as client:
        for count in (1, 2):
            # The second one finds a connection that is there already.
            stream = client.request("/shop.Free/Talk", "POST", [TYPE], ends=False)
            upstream.wait_for_calls(count)
            client.send_body(stream, message(b"at last"))
            assert client.answer(stream).status == 200


def test_what_no_route_serves_is_unimplemented(channel):
    assert refusal(lambda: channel.unary_unary("/shop.None/Echo")(b"?")).code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_upstream_that_cannot_answer_is_unavailable(channel, upstream):
    upstream.answers["/shop.Free/Echo"] = Answer(raw=b"")
    error = refusal(lambda: channel.unary_unary("/shop.Free/Echo")(b"?"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
