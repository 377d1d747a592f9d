"""What RFC 9110 and 9112 ask of an intermediary, at the wire; docs/conformance.md has the list, with the tests elsewhere."""

import re
import socket
import threading

import pytest
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer
from kit.wire import request

HOST = "api.example.com"
IMF_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


@pytest.fixture(scope="module")
def gateway(module_site):
    return module_site([
        route("/free/*", "free"), route("/paid/*", "$0.001"), route("GET /get", "free"),
        route("GET,OPTIONS /options", "free")], env={"FAREBOX_LOOPS": "1"})


@pytest.fixture
def behind(gateway):
    gateway.upstream.reset()
    return gateway.upstream


def forwarded(gateway, behind, fields, method="GET", body=None, target="/free/a"):
    """What the upstream sees of a request with these fields."""
    assert gateway.fetch(method, target, fields, body=body).status == 200
    return behind.calls()[-1]


# --- Requests on their way to the upstream

ONE_HOP = [
    [("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")], [("Proxy-Connection", "keep-alive")],
    [("Connection", "TE"), ("TE", "trailers")], [("TE", "trailers")], [("Proxy-Authorization", "Basic eDp5")],
    [("Connection", "X-Mine, X-Other"), ("X-Mine", "1"), ("X-Other", "2")], [("Connection", "close, x-MINE"), ("X-Mine", "1")],
    [("Connection", "X-Mine"), ("Connection", "X-Other"), ("X-Mine", "1"), ("X-Other", "2")],
]


@pytest.mark.parametrize("fields", ONE_HOP, ids=lambda fields: " ".join(f"{name}={value}" for name, value in fields))
def test_fields_of_one_hop_end_here(gateway, behind, fields):
    seen = forwarded(gateway, behind, fields)
    assert not seen.names() & {name.lower() for name, _ in fields}


UNTOUCHED = [
    ("X-Unknown", "a  b\t c"), ("Authorization", "Basic  YWxhZGRpbjpvcGVuc2VzYW1l"), ("If-None-Match", '"a", W/"b"'),
    ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Range", "bytes=0-1, -5"), ("If-Range", '"a"'),
    ("Accept-Encoding", "gzip;q=0.5, *;q=0"), ("Cache-Control", "no-transform, max-age=0"), ("Pragma", "no-cache"),
    ("Via", "1.0 other"), ("From", "a@b"), ("Trailer", "X-Sum"), ("Content-Encoding", "gzip"), ("Cookie", "a=b; c=d"),
    ("Max-Forwards", "7"), ("X-Latin", "caf\xe9"),
]


@pytest.mark.parametrize("name, value", UNTOUCHED)
def test_a_field_of_the_clients_passes_unchanged(gateway, behind, name, value):
    assert forwarded(gateway, behind, [(name, value)]).all(name) == [value]


def test_lines_of_one_name_stay_apart_and_in_order(gateway, behind):
    fields = [("X-List", "1"), ("X-Other", "a"), ("x-list", "2, 3"), ("X-List", ""), ("X-LIST", "4")]
    seen = forwarded(gateway, behind, fields)
    assert seen.all("x-list") == ["1", "2, 3", "", "4"]


@pytest.mark.parametrize("target", ["/free/a?q=1&q=%20+&;x", "/free/%C3%A9", "/free/a?", "/free/%21", "/free/a?%7e=%2F%2f"])
def test_path_and_query_pass_unchanged(gateway, behind, target):
    forwarded(gateway, behind, (), target=target)
    assert behind.calls()[-1].target == target


def test_a_request_goes_on_in_our_own_version_with_one_host(gateway, behind):
    with gateway.connect() as connection:
        connection.send(request("GET", "/free/a", version="HTTP/1.0"))
        assert connection.read_response().status == 200
    (seen,) = behind.calls()
    assert seen.version == "HTTP/1.1" and seen.all("host") == [HOST]


def test_a_request_of_http_1_0_without_host_gets_one(gateway, behind):
    with gateway.connect() as connection:
        connection.send(request("GET", "/free/a", version="HTTP/1.0", host=None))
        assert connection.read_response().status == 200
    (seen,) = behind.calls()
    assert len(seen.all("host")) == 1


@pytest.mark.parametrize("method, fields, sent, framing", [
    ("POST", [("Content-Length", "5")], b"hello", ("5", None)), ("POST", [("Content-Length", "0")], b"", ("0", None)),
    ("POST", [("Transfer-Encoding", "chunked")], b"5;x=y\r\nhello\r\n0\r\n\r\n", (None, "chunked")),
    ("POST", [], b"", (None, None)), ("GET", [], b"", (None, None)), ("DELETE", [("Content-Length", "5")], b"hello", ("5", None)),
    ("GET", [("Content-Length", "5")], b"hello", ("5", None)),
], ids=["length", "empty", "chunks", "POST without", "GET without", "DELETE with", "GET with"])
def test_a_body_is_framed_upstream_as_it_came(gateway, behind, method, fields, sent, framing):
    with gateway.connect() as connection:
        connection.send(request(method, "/free/a", fields) + sent)
        assert connection.read_response().status == 200
    (seen,) = behind.calls()
    assert (seen.first("content-length"), seen.first("transfer-encoding")) == framing
    assert seen.body == (b"hello" if b"hello" in sent else b"")


def test_trailers_pass_upstream_and_those_that_would_frame_or_route_do_not(gateway, behind):
    trailers = "X-Sum: 1\r\nContent-Length: 5\r\nHost: evil\r\nPAYMENT-SIGNATURE: x\r\nAuthorization: x\r\nMax-Forwards: 1\r\n"
    with gateway.connect() as connection:
        connection.send(request("POST", "/free/a", [("Transfer-Encoding", "chunked")]) + f"0\r\n{trailers}\r\n".encode())
        assert connection.read_response().status == 200
    (seen,) = behind.calls()
    assert [name for name, _ in seen.fields if name.startswith("trailer ")] == ["trailer X-Sum"]


@pytest.mark.parametrize("value, sent_on", [("3", "2"), ("1", "0"), ("007", "6"), ("many", "many"), ("-1", "-1")])
def test_an_options_is_passed_on_with_one_forward_less(gateway, behind, value, sent_on):
    assert forwarded(gateway, behind, [("Max-Forwards", value)], method="OPTIONS").all("max-forwards") == [sent_on]


@pytest.mark.parametrize("target", ["/free/a", "/options"])
@pytest.mark.parametrize("fields", [[], [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")]])
def test_an_options_that_may_go_no_further_is_answered_here(gateway, behind, target, fields):
    answer = gateway.fetch("OPTIONS", target, [("Max-Forwards", "0"), *fields])
    assert answer.status == 204 and not behind.calls()


def test_a_priced_options_that_may_go_no_further_costs_nothing(gateway, behind):
    assert gateway.fetch("OPTIONS", "/paid/a", [("Max-Forwards", "0")]).status == 204
    assert not behind.calls()


def test_max_forwards_of_other_methods_is_left_alone(gateway, behind):
    assert forwarded(gateway, behind, [("Max-Forwards", "0")]).all("max-forwards") == ["0"]


@pytest.mark.parametrize("fields, body", [([("Expect", "100-continue")], b"hello"), ([("Expect", "other")], b"hello")])
def test_an_expectation_is_met_here(gateway, behind, fields, body):
    with gateway.connect() as connection:
        connection.send(request("POST", "/free/a", [*fields, ("Content-Length", str(len(body)))]))
        if fields[0][1] == "100-continue":
            assert connection.read_head().status == 100
        connection.send(body)
        assert connection.read_response().status == 200
    (seen,) = behind.calls()
    assert seen.body == body and "expect" not in seen.names()


# --- Answers on their way to the client

def answered(gateway, behind, answer, method="GET", fields=(), version="HTTP/1.1"):
    behind.answers["/free/x"] = answer
    with gateway.connect() as connection:
        connection.send(request(method, "/free/x", fields, version=version))
        return connection.read_response(method)


def raw(text):
    return Answer(raw=text.encode("latin-1"))


@pytest.mark.parametrize("fields", [
    "Connection: X-Mine\r\nX-Mine: 1\r\n", "Keep-Alive: timeout=5\r\n", "Proxy-Connection: keep-alive\r\n", "Upgrade: h2c\r\n",
    "Proxy-Authenticate: Basic\r\n", "TE: trailers\r\n"])
def test_fields_of_one_hop_end_here_in_answers_too(gateway, behind, fields):
    answer = answered(gateway, behind, raw(f"HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"))
    names = {line.split(":")[0].lower() for line in fields.strip().split("\r\n")} - {"connection"}
    assert answer.body == b"ok" and not names & {name.lower() for name, _ in answer.fields}
    assert answer.first("connection") is None


@pytest.mark.parametrize("name, value", [
    ("X-Unknown", "a  b"), ("WWW-Authenticate", 'Basic realm="a", Digest x=y'), ("ETag", 'W/"a"'), ("Server", "theirs"),
    ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Content-Encoding", "gzip"), ("Accept-Ranges", "bytes"),
    ("Cache-Control", "no-transform, public"), ("Location", "../a?b#c"), ("Vary", "*"), ("Age", "5"), ("Via", "1.1 theirs"),
    ("Retry-After", "5"), ("Allow", ""), ("Content-Language", "de"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")])
def test_a_field_of_the_upstreams_passes_unchanged(gateway, behind, name, value):
    assert answered(gateway, behind, Answer(fields=((name, value),))).all(name) == [value]


def test_lines_of_one_name_stay_apart_and_in_order_in_answers_too(gateway, behind):
    fields = (("Set-Cookie", "a=1; Path=/"), ("X-Other", "a"), ("Set-Cookie", "b=2"), ("set-cookie", "c=3"))
    assert answered(gateway, behind, Answer(fields=fields)).all("set-cookie") == ["a=1; Path=/", "b=2", "c=3"]


@pytest.mark.parametrize("target, status", [("/free/a", 200), ("/paid/a", 402), ("/nowhere", 404)])
def test_every_answer_has_one_date(gateway, behind, target, status):
    answer = gateway.fetch("GET", target)
    assert answer.status == status
    (date,) = answer.all("date")
    assert IMF_DATE.fullmatch(date)


@pytest.mark.parametrize("status", [201, 203, 206, 226, 299, 300, 304, 399, 400, 416, 418, 451, 499, 500, 505, 511, 599])
def test_any_status_and_its_reason_pass(gateway, behind, status):
    answer = answered(gateway, behind, Answer(status=status, body=b"x"))
    assert (answer.status, answer.reason) == (status, "Answered")


def test_a_partial_answer_is_not_touched(gateway, behind):
    body = b"--x\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--x--\r\n"
    fields = (("Content-Type", "multipart/byteranges; boundary=x"), ("Content-Range", "bytes 0-1/9"))
    answer = answered(gateway, behind, Answer(status=206, body=body, fields=fields))
    assert answer.body == body and answer.all("content-range") == ["bytes 0-1/9"]
    assert answer.first("content-type") == "multipart/byteranges; boundary=x"


@pytest.mark.parametrize("head, length", [
    ("Content-Length: 5\r\n", "5"), ("Transfer-Encoding: chunked\r\n", None), ("", None)])
def test_an_answer_to_head_has_the_length_of_get_and_no_body(gateway, behind, head, length):
    behind.answers["/free/x"] = raw(f"HTTP/1.1 200 OK\r\n{head}\r\n")
    with gateway.connect() as connection:
        connection.send(request("HEAD", "/free/x") + request("GET", "/free/next"))
        answer = connection.read_response("HEAD")
        assert answer.first("content-length") == length
        assert connection.read_response().json()["served"] == "/free/next"


@pytest.mark.parametrize("status, length", [(204, None), (304, "5")])
def test_answers_that_never_have_a_body(gateway, behind, status, length):
    behind.answers["/free/x"] = raw(f"HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n")
    with gateway.connect() as connection:
        connection.send(request("GET", "/free/x") + request("GET", "/free/next"))
        answer = connection.read_response()
        assert (answer.first("content-length"), answer.first("transfer-encoding")) == (length, None)
        assert connection.read_response().json()["served"] == "/free/next"


@pytest.mark.parametrize("version, coding", [("HTTP/1.1", "chunked"), ("HTTP/1.0", None)])
@pytest.mark.parametrize("sent", [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 200 OK\r\n\r\nhello"], ids=["chunks", "until the end", "HTTP/1.0"])
def test_a_body_without_length_is_framed_as_the_client_can_read_it(gateway, behind, sent, version, coding):
    answer = answered(gateway, behind, raw(sent), version=version)
    assert answer.body == b"hello" and answer.first("transfer-encoding") == coding
    assert answer.first("content-length") is None
    assert (answer.first("connection") == "close") == (version == "HTTP/1.0")
    assert answer.trailers == ([("X-Sum", "1")] if "X-Sum" in sent and coding else [])


def test_an_answer_of_http_1_0_goes_on_in_our_own_version(gateway, behind):
    behind.answers["/free/x"] = raw("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with gateway.connect() as connection:
        connection.send(request("GET", "/free/x"))
        assert connection.take_line() == "HTTP/1.1 200 OK"


INTERIM = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Mine\r\nX-Mine: 1\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize("version, count", [("HTTP/1.1", 2), ("HTTP/1.0", 0)])
def test_interim_answers_pass_without_framing_and_not_to_http_1_0(gateway, behind, version, count):
    behind.answers["/free/x"] = raw(INTERIM * 2 + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    interim = []
    with gateway.connect() as connection:
        connection.send(request("GET", "/free/x", version=version))
        assert connection.read_response(informational=interim).body == b"ok"
    assert [each.status for each in interim] == [103] * count
    assert all(each.fields == [("Link", "</a>")] for each in interim)


# --- The connection

@pytest.mark.parametrize("version, fields, kept, says", [
    ("HTTP/1.1", [], True, None), ("HTTP/1.1", [("Connection", "close")], False, "close"),
    ("HTTP/1.1", [("Connection", "x, CLOSE")], False, "close"), ("HTTP/1.0", [], False, "close"),
    ("HTTP/1.0", [("Connection", "keep-alive")], True, "keep-alive"),
    ("HTTP/1.0", [("Connection", "keep-alive, close")], False, "close"),
])
@pytest.mark.parametrize("target", ["/free/a", "/paid/a", "/nowhere"])
def test_a_connection_is_kept_or_closed_as_its_client_asks(gateway, version, fields, kept, says, target):
    with gateway.connect() as connection:
        connection.send(request("GET", target, fields, version=version))
        answer = connection.read_response()
        assert (answer.first("connection") or "").lower() == (says or "")
        if kept:
            assert connection.send(request("GET", "/free/next")).read_response().status == 200
        else:
            assert connection.is_closed_by_peer()


def test_nothing_behind_a_close_is_answered(gateway, behind):
    with gateway.connect() as connection:
        connection.send(request("GET", "/free/a", [("Connection", "close")]) + request("GET", "/free/b"))
        assert connection.read_response().status == 200
        assert connection.is_closed_by_peer()
    assert [call.target for call in behind.calls()] == ["/free/a"]


def test_a_method_that_a_path_does_not_have_is_told_which_it_has(gateway):
    answer = gateway.fetch("POST", "/get", body=b"")
    assert answer.status == 405 and {"GET", "HEAD"} <= set(answer.first("allow").split(", "))


@pytest.mark.parametrize("tables, status", [({}, 400), ({"limits": {"client": "1/h burst 1"}}, 429)])
def test_nothing_behind_a_refused_connect_is_answered(make_site, tables, status):
    """It may be meant for the tunnel, whatever the refusal was for."""
    site = make_site([route("/*", "free")], **tables)
    site.fetch("GET", "/first")
    with site.connect() as connection:
        connection.send(request("CONNECT", "api.example.com:443") + request("GET", "/smuggled"))
        answer = connection.read_response()
        assert answer.status == status and answer.first("connection") == "close"
        assert connection.is_closed_by_peer()
    assert not site.upstream.calls("smuggled")


class SilentUpstream:
    """Reads a request and closes without a word, however often it is asked."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.asked = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                self.asked += bool(client.recv(65536))

    def stop(self):
        self.socket.close()


@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
def test_a_request_that_may_have_acted_is_never_sent_again(make_site, method):
    site = make_site([route("/*", "free")], upstream=SilentUpstream())
    assert site.fetch(method, "/a").status == 502
    wait_until(lambda: site.upstream.asked, "the one request")
    assert site.upstream.asked == 1
