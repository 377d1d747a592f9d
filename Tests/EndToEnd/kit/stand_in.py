"""A JSON service that answers what the test says: an offchain bridge, or another facilitator."""

import json
import threading

from .upstream import Answer, Upstream


class JSONService:
    """Answers by path with a value, a status and value, or whatever a function of the request body returns."""

    def __init__(self):
        self.server = Upstream()
        self.url = self.server.url

    def answer(self, path, value, status=200, fields=(), gate=None):
        def made(received):
            content = value(json.loads(received.body)) if callable(value) else value
            code, content = content if isinstance(content, tuple) else (status, content)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            return Answer(code, data, (("Content-Type", "application/json"), *fields), gate=gate)

        self.server.answers[path] = made
        return self

    def break_off(self, path, times=1):
        """Takes the request, then closes without an answer `times` times; then answers what was set before."""
        healthy, left = self.server.answers.get(path), [times]

        def made(received):
            left[0] -= 1
            if left[0] >= 0:
                raise ConnectionError
            return healthy(received)

        self.server.answers[path] = made
        return self

    def hold(self, path):
        """Keeps every answer of a path back until the returned event is set."""
        gate = threading.Event()
        healthy = self.server.answers[path]

        def made(received):
            answer = healthy(received)
            answer.gate = gate
            return answer

        self.server.answers[path] = made
        return gate

    def calls(self, path=None):
        return self.server.calls(path)

    def stop(self):
        self.server.stop()
