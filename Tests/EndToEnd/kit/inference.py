"""A small model server that speaks like OpenAI's chat completions, and knows what each answer used."""

import json
from itertools import count

from .upstream import Answer, Upstream

INPUT_RATE, OUTPUT_RATE = 2, 10
# What the two cost in atomic units, as a file says it of an asset with six decimals.
METER = {
    "preset": "openai", "per": {"input_tokens": "$2 / 1M", "output_tokens": "$10 / 1M"},
    "estimate": {"output_tokens": 4000}, "add_usage": True,
}


class Inference(Upstream):
    """A token is a word. It says as many words as the last message asks for, but no more than `max_tokens`."""

    def __init__(self):
        super().__init__()
        self.ids = count(1)
        # What each answer used, by its id.
        self.used = {}

    def cost(self, identifier):
        used = self.used[identifier]
        return used["prompt_tokens"] * INPUT_RATE + used["completion_tokens"] * OUTPUT_RATE

    def answer_for(self, received):
        asked = json.loads(received.body or b"{}")
        prompt = sum(len(message["content"].split()) for message in asked["messages"])
        wanted = int(asked["messages"][-1]["content"].split()[-1])
        words = ["word"] * min(wanted, asked.get("max_tokens", 4000))
        identifier = f"answer-{next(self.ids)}"
        usage = {"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}
        self.used[identifier] = usage
        fields = ()
        if price := received.first("X-Announce"):
            fields = (("Settlement-Overrides", json.dumps({"amount": price})),)
        if not asked.get("stream"):
            body = {"id": identifier, "usage": usage, "choices": [{"message": {"content": " ".join(words)}}]}
            return Answer(body=json.dumps(body).encode(), fields=(("Content-Type", "application/json"), *fields))
        events = [{"id": identifier, "choices": [{"delta": {"content": word}}]} for word in words]
        if asked.get("stream_options", {}).get("include_usage"):
            events.append({"id": identifier, "choices": [], "usage": usage})
        pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in events] + [b"data: [DONE]\n\n"]
        return Answer(fields=(("Content-Type", "text/event-stream"), *fields), pieces=iter(pieces))


def question(words, stream=False, **more):
    """A request for so many words."""
    return {"model": "m", "messages": [{"role": "user", "content": f"please say {words}"}], "stream": stream, **more}


def identifier_of(body):
    """The id of an answer, whole or streamed."""
    text = body.decode() if isinstance(body, bytes) else body
    if text.startswith("data: "):
        text = text.split("\n", 1)[0].removeprefix("data: ")
    return json.loads(text)["id"]
