"""HTTP/2 requests that would be others in HTTP/1.1: an upstream reads exactly what was priced, or nothing."""

import pytest
from kit.http2 import Answer, Client
from kit.polling import wait_until
from kit.routes import route
from kit.wire import fetch
from servers.kinds import KINDS, by_target, running

HIDDEN = "\r\n\r\nGET /{name}/smuggled HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
AUTHORITY = ("host", "api.example.com")


def head(method="GET", path="<T>", authority="api.example.com", scheme="http"):
    pseudo = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]
    return [(name, value) for name, value in pseudo if value is not None]


# Name: fields, body (None: the stream ends with the head), and what a server may read: None for nothing.
CASES = {
    "CR LF in a value": (head() + [("x-a", "b" + HIDDEN)], None, None),
    "LF in a value": (head() + [("x-a", "b\nTransfer-Encoding: chunked")], b"0\r\n\r\n", None),
    "CR in a value": (head() + [("x-a", "b\rc")], None, None),
    "NUL in a value": (head() + [("x-a", "b\0c")], None, None),
    "a blank before a value": (head() + [("x-a", " b")], None, None),
    "a blank behind a value": (head() + [("x-a", "b\t")], None, None),
    "CR LF in a name": (head() + [("x-a: b\r\nx-c", "d")], None, None),
    "a colon in a name": (head() + [("x-a: b", "c")], None, None),
    "a space in a name": (head() + [("transfer-encoding ", "chunked")], b"0\r\n\r\n", None),
    "a capital in a name": (head() + [("Transfer-Encoding", "chunked")], b"0\r\n\r\n", None),
    "an empty name": (head() + [("", "a")], None, None),
    "a space in the path": (head(path="<T> HTTP/1.1"), None, None),
    "a request in the path": (head(path="<T> HTTP/1.1" + HIDDEN), None, None),
    "a tab in the path": (head(path="<T>\tx"), None, None),
    "a path without a slash": (head(path="evil.example<T>"), None, None),
    "an absolute path": (head(path="http://evil.example<T>"), None, None),
    "an empty path": (head(path=""), None, None),
    "no path": (head(path=None), None, None),
    "two paths": (head() + [(":path", "/other")], None, None),
    "an asterisk": (head(path="*"), None, None),
    "a fragment": (head(path="<T>#a"), None, None),
    "a space in the method": (head(method="GET /evil HTTP/1.1\r\nX:"), None, None),
    "an empty method": (head(method=""), None, None),
    "no method": (head(method=None), None, None),
    "two methods": ([(":method", "POST"), *head()], None, None),
    "CONNECT": ([(":method", "CONNECT"), (":authority", "api.example.com:80")], None, None),
    "a CONNECT with a protocol": ([*head(method="CONNECT"), (":protocol", "h2c")], None, None),
    "a protocol without CONNECT": ([*head(), (":protocol", "websocket")], None, None),
    "a CONNECT with a length": ([*head(method="CONNECT"), (":protocol", "websocket"), ("content-length", "5")], b"hello", None),
    "a key of WebSocket's": ([*head(method="CONNECT"), (":protocol", "websocket"), ("upgrade", "h2c")], None, None),
    "a scheme that is a URL": (head(scheme="http://evil.example/?"), None, None),
    "no scheme": (head(scheme=None), None, None),
    "an unknown pseudo field": (head() + [(":other", "a")], None, None),
    "a pseudo field behind others": ([*head(path=None), ("x-a", "b"), (":path", "<T>")], None, None),
    "host that differs": (head() + [("host", "evil.example")], None, None),
    "host twice": (head(authority=None) + [AUTHORITY, AUTHORITY], None, None),
    "no host at all": (head(authority=None), None, None),
    "an authority with a space": (head(authority="api.example.com evil"), None, None),
    "an authority with a path": (head(authority="api.example.com/evil"), None, None),
    "an authority with a user": (head(authority="evil@api.example.com"), None, None),
    "an authority with CR LF": (head(authority="api.example.com\r\nX: a"), None, None),
    "transfer-encoding": (head("POST") + [("transfer-encoding", "chunked")], b"0" + HIDDEN.encode(), None),
    "transfer-encoding identity": (head("POST") + [("transfer-encoding", "identity")], b"hello", None),
    "connection": (head() + [("connection", "keep-alive")], None, None),
    "connection that names": (head() + [("connection", "x-a"), ("x-a", "b")], None, None),
    "keep-alive": (head() + [("keep-alive", "timeout=5")], None, None),
    "proxy-connection": (head() + [("proxy-connection", "keep-alive")], None, None),
    "upgrade": (head() + [("upgrade", "h2c")], None, None),
    "te other than trailers": (head() + [("te", "chunked")], None, None),
    "a length too small": (head("POST") + [("content-length", "0")], HIDDEN.encode(), None),
    "a length too small by much": (head("POST") + [("content-length", "4")], b"body" + HIDDEN.encode(), None),
    "a length too large": (head("POST") + [("content-length", "500")], b"hello", None),
    "a length without a body": (head("POST") + [("content-length", "5")], None, None),
    "a length that is none": (head("POST") + [("content-length", "+5")], b"hello", None),
    "two lengths": (head("POST") + [("content-length", "5"), ("content-length", "6")], b"hello", None),
    "a list of lengths": (head("POST") + [("content-length", "5, 5")], b"hello", None),
    "a plain GET": (head(), None, ("GET", b"")),
    "a GET with a body": (head() + [("content-length", "5")], b"hello", ("GET", b"hello")),
    "a body without a length": (head("POST"), b"hello", ("POST", b"hello")),
    "a body with a length": (head("POST") + [("content-length", "5")], b"hello", ("POST", b"hello")),
    "a body that looks chunked": (head("POST"), b"0\r\n\r\nGET /a HTTP/1.1\r\n\r\n", ("POST", b"0\r\n\r\nGET /a HTTP/1.1\r\n\r\n")),
    "an empty body": (head("POST") + [("content-length", "0")], b"", ("POST", b"")),
    "host that is the same": (head() + [AUTHORITY], None, ("GET", b"")),
    "host alone": (head(authority=None) + [AUTHORITY], None, ("GET", b"")),
    "te trailers": (head() + [("te", "trailers")], None, ("GET", b"")),
    "crumbs of a cookie": (head() + [("cookie", "a=b"), ("cookie", "c=d")], None, ("GET", b"")),
    "length with underscores": (head("POST") + [("content_length", "0"), ("transfer_encoding", "chunked")], b"hello", ("POST", b"hello")),
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with running(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture(scope="module")
def front(servers, module_site):
    return module_site(
        [route(f"/{name}/*", "free", upstream=name) for name in servers],
        upstreams=[{"name": name, "url": server.url} for name, server in servers.items()], env={"FAREBOX_LOOPS": "1"})


def send(client, fields, body, target, name):
    """Sends one request past the library's own rules; returns its stream."""
    stream = client.h2.get_next_available_stream_id()
    told = [(key, value.replace("<T>", target).replace("{name}", name)) for key, value in fields]
    client.h2.send_headers(stream, told, end_stream=body is None)
    if body is not None:
        client.h2.send_data(stream, body.replace(b"{name}", name.encode()), end_stream=True)
    client.answers[stream] = Answer()
    client.flush()
    return stream


@pytest.mark.parametrize("name", KINDS)
def test_no_http2_request_becomes_another_or_two(front, servers, name):
    if lacks := KINDS[name][1]:
        pytest.skip(lacks)
    address, mistakes, probe = front.process.address(), [], ""
    for number, (case, (fields, body, reads)) in enumerate(CASES.items()):
        target, probe = f"/{name}/{number}", f"/{name}/probe-{number}"
        with Client(address) as client:
            client.socket.settimeout(5)
            try:
                answer = client.answer(send(client, fields, body, target, name))
                # A malformed request is an error of its stream: the others go on.
                neighbour = client.fetch(f"/{name}/beside-{number}")
            except (TimeoutError, AssertionError) as failure:
                mistakes.append(f"{case}: {failure}")
                continue
        if reads is None and not (answer.reset is not None or 400 <= answer.status < 600):
            mistakes.append(f"{case}: answered {answer.status}")
        if reads is not None and (answer.status != 200 or f'"{target}"'.encode() not in answer.body):
            mistakes.append(f"{case}: {answer.status} {answer.body[:80]} {answer.reset}")
        if f'"/{name}/beside-{number}"'.encode() not in neighbour.body:
            mistakes.append(f"{case}: its neighbour got {neighbour.status} {neighbour.body[:80]}")
        if fetch(address, "GET", probe).json()["served"] != probe:
            mistakes.append(f"{case}: the next client got another's answer")
    wait_until(lambda: probe in by_target(servers[name]), "the last request at the server")
    read = by_target(servers[name])
    for number, (case, (_, _, reads)) in enumerate(CASES.items()):
        expected = [] if reads is None else [reads]
        if read.pop(f"/{name}/{number}", []) != expected:
            mistakes.append(f"{case}: the server read something else than {expected}")
        read.pop(f"/{name}/probe-{number}", None), read.pop(f"/{name}/beside-{number}", None)
    assert not mistakes, "\n".join(mistakes)
    assert not read, "requests that nobody sent"
