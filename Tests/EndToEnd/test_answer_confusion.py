"""An upstream that says more, less or something else than an answer: no client ever gets what belongs to another."""

import json
import re
import socket
import threading

import pytest
from corpus import answers
from kit.routes import route
from kit.wire import BrokenAnswer, Connection, fetch, request

UNASKED = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
assert len(UNASKED) == 44
CASES = {case.name: case for case in answers(UNASKED)}


class EvilUpstream:
    """Answers `/own/…` well, with its target; `/evil/NUMBER` with the bytes of that case, and keeps the connection."""

    def __init__(self):
        self.cases = list(CASES.values())
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.clients = []
        self.release = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client, client.makefile("rb") as reader:
                while self.serve_one(client, reader):
                    pass
        except OSError:
            pass

    def serve_one(self, client, reader):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = reader.readline()
            if not line:
                return False
            head += line
        target = head.split(b" ")[1].decode()
        case = self.cases[int(target.rpartition("/")[2])] if target.startswith("/evil/") else None
        length = re.search(rb"content-length: (\d+)", head, re.I)
        if length and not (case and case.is_early):
            reader.read(int(length[1]))
        if case is None:
            body = json.dumps({"served": target}).encode()
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return True
        client.sendall(case.answer)
        return not case.closes

    def stop(self):
        self.socket.close()
        for client in self.clients:
            client.close()


@pytest.fixture(scope="module")
def evil(module_site):
    """One event loop, so that all clients share the connections to the upstream."""
    upstream = EvilUpstream()
    return module_site([route("/evil/*", "free"), route("/own/*", "free")], upstream=upstream, env={"FAREBOX_LOOPS": "1"})


def outcome_of(connection, case, target):
    """Sends the case's request and returns its answer, or None where the connection broke inside it."""
    body = b"b" * 10 if case.method == "POST" else None
    connection.send(request(case.method, target, body=body))
    try:
        return connection.read_response(case.method)
    except BrokenAnswer:
        return None


@pytest.mark.parametrize("name", CASES)
def test_no_client_gets_what_belongs_to_another(evil, name):
    case, address = CASES[name], evil.process.address()
    number = list(CASES).index(name)
    with Connection(address) as connection:
        answer = outcome_of(connection, case, f"/evil/{number}")
        if case.outcome == "broken":
            assert answer is None
        elif case.outcome == "502":
            assert answer.status == 502 and answer.json()["error"] == "upstream_unavailable"
        else:
            assert (answer.status, answer.body) == (case.status, case.body)
        if answer is not None:
            assert not {"payment-response", "x-secret", "keep-alive", "trailer"} & {key.lower() for key, _ in answer.fields}
            if (answer.first("connection") or "").lower() != "close":
                connection.send(request("GET", f"/own/{number}-same"))
                assert connection.read_response().json() == {"served": f"/own/{number}-same"}
            assert not connection.buffer, "something is left over behind the answers"
    # Other clients, whose requests go over whatever connections were kept.
    for other in range(3):
        assert fetch(address, "GET", f"/own/{number}-{other}").json() == {"served": f"/own/{number}-{other}"}
