"""Metered routes: what is counted of an answer, what its client sees of that, and what the log tells."""

import json

import pytest
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer

TARGET = "/v1/chat/completions"
METER = {
    "preset": "openai", "per": {"input_tokens": "$0.50 / 1M", "output_tokens": "$2.50 / 1M", "bytes": "$1 / 1G"},
    "estimate": {"output_tokens": 4000}, "add_usage": True,
}
EVENTS = (("Content-Type", "text/event-stream"),)


@pytest.fixture(scope="module")
def site(module_site):
    return module_site([route(f"POST {TARGET}", "$0.01", meter=METER)])


@pytest.fixture
def upstream(site):
    site.upstream.reset()
    return site.upstream


def event(value):
    return f"data: {json.dumps(value)}\n\n".encode()


WORDS = [event({"choices": [{"delta": {"content": word}}], "usage": None}) for word in ("one", "two", "three")]
USAGE = event({"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 300}})
DONE = b"data: [DONE]\n\n"


def ask(site, payer, **request):
    """Pays for an answer; returns it and its log line, the one with a payment."""
    before = len(paid_lines(site))
    body = json.dumps({"model": "m", **request}).encode()
    _, answer = site.pay(payer, TARGET, "POST", body=body)
    return answer, wait_until(lambda: paid_lines(site)[before:], "the log line of the answer")[0]


def paid_lines(site):
    return [line for line in site.process.events("request") if "payment" in line]


def test_a_stream_is_counted_and_its_client_sees_what_it_asked_for(site, upstream, payer):
    upstream.answers[TARGET] = Answer(fields=EVENTS, pieces=iter([*WORDS, USAGE[:20], USAGE[20:] + DONE]))
    answer, line = ask(site, payer, stream=True)
    assert answer.status == 200 and answer.body == b"".join(WORDS) + DONE
    asked = json.loads(upstream.calls(TARGET)[-1].body)
    assert asked == {"stream_options": {"include_usage": True}, "model": "m", "stream": True}
    assert line["used_input_tokens"] == 1000 and line["used_output_tokens"] == 300
    assert line["used_bytes"] == len(answer.body) and line["metering"] == "metered"
    assert int(line["metered"]) == 500 + 750 + 1


def test_who_asks_for_usage_gets_it(site, upstream, payer):
    upstream.answers[TARGET] = Answer(fields=EVENTS, pieces=iter([*WORDS, USAGE, DONE]))
    answer, line = ask(site, payer, stream=True, stream_options={"include_usage": True})
    assert answer.body == b"".join([*WORDS, USAGE, DONE])
    assert line["used_output_tokens"] == 300


def test_a_whole_answer_is_counted(site, upstream, payer):
    body = json.dumps({"choices": [{"message": {"content": "usage"}}], "usage": {"prompt_tokens": 7, "completion_tokens": 9}})
    upstream.answers[TARGET] = Answer(body=body.encode(), fields=(("Content-Type", "application/json"),))
    answer, line = ask(site, payer)
    assert answer.body == body.encode() and "stream_options" not in json.loads(upstream.calls(TARGET)[-1].body)
    assert (line["used_input_tokens"], line["used_output_tokens"]) == (7, 9)


def test_what_is_not_told_is_estimated_by_the_request(site, upstream, payer):
    upstream.answers[TARGET] = Answer(fields=EVENTS, pieces=iter([*WORDS, DONE]))
    _, line = ask(site, payer, stream=True, max_tokens=200, n=2)
    assert line["metering"] == "estimate" and line["used_output_tokens"] == 400
