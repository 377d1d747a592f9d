"""Cases as text: a name, what must come of it, and the bytes on the wire."""

import re
from dataclasses import dataclass
from pathlib import Path

HOST = "Host: api.example.com\r\n"


@dataclass
class Case:
    name: str
    outcome: str
    method: str
    body: bytes
    text: str

    def wire(self, target, smuggled):
        """The bytes to send for a target; `smuggled` is the target of the request that must not be read as one."""
        hidden = f"GET {smuggled} HTTP/1.1\r\n{HOST}\r\n"
        text = self.text.replace("<T>", target).replace("<H>", HOST).replace("<S>", hidden)
        return expanded(text).encode("latin-1")


@dataclass
class AnswerCase:
    name: str
    method: str
    is_early: bool
    outcome: str
    status: int | None
    body: bytes
    answer: bytes
    closes: bool


def lines(file):
    for line in (Path(__file__).parent / file).read_text().splitlines():
        if line and line != "#" and not line.startswith("# "):
            yield line


def unescaped(text):
    return text.encode("latin-1").decode("unicode_escape")


def expanded(text):
    return re.sub(r"<([^<>]+)\*(\d+)>", lambda found: found[1] * int(found[2]), text, flags=re.S)


def requests():
    for line in lines("requests.txt"):
        name, outcome, text = line.split(" | ", 2)
        word, _, rest = outcome.partition(" ")
        method, _, body = rest.partition(" ")
        yield Case(name, word, method, expanded(unescaped(body)).encode("latin-1"), unescaped(text))


def answers(unasked):
    """`unasked`: the whole answer that nobody asked for."""
    for line in lines("answers.txt"):
        name, request, outcome, text = line.split(" | ", 3)
        method, _, early = request.partition(" ")
        word, _, rest = outcome.partition(" ")
        status, _, body = rest.partition(" ")
        closes = text.endswith("<close>")
        answer = expanded(unescaped(text.removesuffix("<close>")).replace("<S>", unasked)).encode("latin-1")
        yield AnswerCase(name, method, early == "early", word, int(status) if status else None,
                         unescaped(body).encode("latin-1"), answer, closes)
