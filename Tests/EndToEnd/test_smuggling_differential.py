"""One corpus of doubtful requests in front of real servers: each reads exactly what Farebox read, or gets to read nothing."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from corpus import Case, requests
from kit.polling import wait_until
from kit.routes import route
from kit.wire import BrokenAnswer, Connection, fetch, request
from servers.kinds import KINDS, by_target, running

CASES = list(requests())
# A head that is refused is refused before any server is chosen: one of them shows it.
FIRST = next(iter(KINDS))


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with running(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture(scope="module")
def front(behind, module_site):
    """One event loop, so that all clients share the connections to each server."""
    return module_site(
        [route(f"/{name}/*", "free", upstream=name) for name in behind],
        upstreams=[{"name": name, "url": server.url} for name, server in behind.items()], env={"FAREBOX_LOOPS": "1"})


def answers_of(address, sent, methods):
    """Everything that comes back on one connection whose client ends its half after sending."""
    answers = []
    with Connection(address, timeout=20) as connection:
        try:
            connection.send(sent).half_close()
        except OSError:
            pass  # Refused before all of it was sent.
        try:
            while True:
                answers.append(connection.read_response(methods[min(len(answers), len(methods) - 1)]))
        except (BrokenAnswer, OSError):
            pass
        assert not connection.buffer, f"half an answer: {bytes(connection.buffer[:100])!r}"
    return answers


def says(answer):
    """What a server's answer says it served; nothing of another's, and nothing of ours."""
    try:
        return answer.json().get("served") if answer.status == 200 and answer.body else None
    except ValueError:
        return "no JSON"


class Trial:
    """One case in front of one server, and what is wrong with what came of it."""

    def __init__(self, address, server, number, case):
        self.case = case
        place = f"/{server}/{number}"
        self.target, self.smuggled, self.marker, self.probe = (
            f"{place}-{word}" for word in ("case", "smuggled", "marker", "probe"))
        sent = case.wire(self.target, self.smuggled)
        method = sent.lstrip(b"\r\n").split(b" ")[0].decode("latin-1")
        self.answers = answers_of(address, sent + request("GET", self.marker), [method, "GET"])
        # Whatever was left on the server's connection would be read in front of the next client's request.
        self.probed = fetch(address, "GET", self.probe)
        self.refused_behind = False

    def mistakes_at_the_client(self):
        statuses = [answer.status for answer in self.answers]
        if self.probed.status != 200 or says(self.probed) != self.probe:
            yield f"the next client got {self.probed.status} {self.probed.body[:80]}"
        if any(says(answer) not in (None, self.target, self.marker) for answer in self.answers):
            yield f"another's answer: {[says(answer) for answer in self.answers]}"
        if self.case.outcome == "passes":
            self.refused_behind = statuses[:1] >= [400]
            closes = (self.answers[0].first("connection") or "").lower() == "close" if self.answers else True
            if not closes and (len(statuses) != 2 or says(self.answers[1]) != self.marker):
                yield f"answers {statuses}"
            if closes and len(statuses) != 1:
                yield f"answers {statuses} though the first closes"
            return
        if statuses and statuses[0] < 400:
            yield f"answered {statuses}"
        if not statuses and self.case.outcome == "refused":
            yield "closed without a word"
        if len(statuses) > 1 and (len(statuses) > 2 or says(self.answers[1]) != self.marker):
            yield f"answers {statuses}"

    def mistakes_behind(self, read):
        """`read`: what the server says it read, by target."""
        if self.smuggled in read or any("inner" in target for target in read):
            yield "a smuggled request was read"
        found = read.get(self.target, [])
        if self.case.outcome != "passes":
            if found:
                yield f"the server read {found}"
        elif found != [(self.case.method, self.case.body)] and not (self.refused_behind and not found):
            yield f"the server read {found}"
        if len(read.get(self.marker, [])) > 1 or len(read.get(self.probe, [])) != 1:
            yield "marker or probe were read more than once, or not at all"


@pytest.mark.parametrize("name", KINDS)
def test_a_server_reads_what_farebox_read_or_nothing(front, behind, name):
    if lacks := KINDS[name][1]:
        pytest.skip(lacks)
    server, address = behind[name], front.process.address()
    cases = [case for case in CASES if name == FIRST or case.outcome != "refused"]
    with ThreadPoolExecutor(4) as pool:
        trials = list(pool.map(lambda each: Trial(address, name, *each), enumerate(cases)))
    wait_until(lambda: trials[-1].probe in by_target(server), "the last request at the server")
    read = by_target(server)
    mistakes = [
        f"{trial.case.name}: {mistake}" for trial in trials
        for mistake in [*trial.mistakes_at_the_client(), *trial.mistakes_behind(read)]]
    assert not mistakes, "\n".join(mistakes)
    assert not set(read) - {each for trial in trials for each in (trial.target, trial.marker, trial.probe)}
    # The corpus would prove nothing in front of a server that refuses it.
    passing = [trial for trial in trials if trial.case.outcome == "passes"]
    assert sum(trial.refused_behind for trial in passing) <= len(passing) // 4, [
        trial.case.name for trial in passing if trial.refused_behind]


# Parts of requests that some reader takes for framing, and bodies that fit some of these readings.
FRAMING = [
    "Content-Length: {length}", "Content-Length:{length}", "content-length: 0{length}", "CONTENT-LENGTH: {length}\t",
    "Content-Length: 0", "Content-Length: +{length}", "Content-Length: {length}, {length}", "Content_Length: {length}",
    "X-Content-Length: {length}", "Transfer-Encoding: chunked", "transfer-encoding:chunked", "Transfer-Encoding: Chunked \t",
    "Transfer-Encoding: identity", "Transfer-Encoding: \x0bchunked", "Transfer_Encoding: chunked", "Transfer-Encoding : chunked",
    "X: a\n Transfer-Encoding: chunked", "X: a\r\n\tContent-Length: {length}", "TE: chunked", "Trailer: Content-Length",
    "Content-Encoding: chunked", "Expect: 100-continue", "Connection: close", "Connection: keep-alive, Content-Length",
    "Connection: Transfer-Encoding", "Upgrade: h2c", "Keep-Alive: timeout=1", "X: \xa0", "X:", "Content-Type: a/b",
]
BODIES = [
    "", "hello", "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5;x\r\nhello\r\n0\r\nX: a\r\n\r\n", "0\r\n\r\n<S>", "<S>",
    "5\r\nhello\r\n0\r\n\r\n<S>", "5\nhello\n0\n\n<S>", "05\r\nhello\r\n00\r\n\r\n",
]
SEED, MIXTURES = int(os.environ.get("SMUGGLING_SEED", "2026")), int(os.environ.get("SMUGGLING_CASES", "120"))


def mixtures(seed):
    chance = random.Random(seed)
    for number in range(MIXTURES):
        body = chance.choice(BODIES)
        lines = [line.format(length=len(body)) for line in chance.sample(FRAMING, chance.randint(1, 3))]
        method, version = chance.choice(["GET", "POST", "POST", "PUT"]), chance.choice(["1.1"] * 5 + ["1.0"])
        text = f"{method} <T> HTTP/{version}\r\n<H>" + "".join(f"{line}\r\n" for line in lines) + f"\r\n{body}"
        yield Case(f"mixture {number}: {text!r}", "any", method, b"", text)


def test_servers_agree_about_what_they_get_to_read(front, behind):
    """Whatever Farebox makes of a mixture, no two servers behind it make different things of what it forwards."""
    address, cases, read = front.process.address(), list(mixtures(SEED)), {}
    with ThreadPoolExecutor(4) as pool:
        for name in behind:
            trials = list(pool.map(lambda each: Trial(address, name, f"mix{each[0]}", each[1]), enumerate(cases)))
            wait_until(lambda: trials[-1].probe in by_target(behind[name]), "the last request at the server")
            found = by_target(behind[name])
            read[name] = [found.get(trial.target, []) for trial in trials]
            for trial in trials:
                about = f"seed {SEED}, {name}, {trial.case.name}"
                assert trial.probed.status == 200 and says(trial.probed) == trial.probe, about
                assert len(found[trial.probe]) == 1 and len(found.get(trial.marker, [])) <= 1, about
                # Where the framing says that a body is over, what follows is a request like any other, and is answered.
                served = [says(answer) for answer in trial.answers]
                assert served.count(trial.smuggled) == len(found.get(trial.smuggled, [])), about
    for number, case in enumerate(cases):
        readings = {name: tuple(found[number]) for name, found in read.items()}
        assert len(set(readings.values())) == 1, f"seed {SEED}, {case.name}: {readings}"
    assert sum(bool(found) for found in read[FIRST]) > MIXTURES // 5, "hardly anything was forwarded: the mixtures prove nothing"
