"""Inference sold by the token: the official client pays by upto and by bundle, and what moves is usage times rate."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from chain.contracts import NotToBeHad
from chain.permits import approve, permit_genesis, sign
from chain.shop import LISTENERS, Shop
from chain.tokens import canonical_chain
from kit import farebox, official
from kit.inference import METER, Inference, identifier_of, question
from kit.payments import Challenge, Payer
from kit.polling import wait_until
from kit.routes import PAY_TO, route
from kit.wire import Connection, request

UPTO, BUNDLE = "/upto/chat", "/bundle/chat"
MOST, SOLD = 10_000, 50_000
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def token():
    try:
        node, usdc = canonical_chain(alloc=permit_genesis(), listeners=LISTENERS)
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    yield usdc
    node.stop()


@pytest.fixture(scope="module")
def shop(token, module_site):
    return Shop(
        token, module_site, rail={"scheme": ["exact", "upto"]}, upstream=Inference(), routes=[
            route("POST /upto/*", "$0.01", accepts=["upto usdc@base-sepolia"], meter=METER | {"maximum": "request"}),
            route("POST /bundle/*", "$0.01", bundle={"amount": "$0.05"}, meter=METER),
        ])


def payer_on(token, amount=1_000_000):
    payer = Payer()
    token.fund(payer, amount=amount)
    approve(token, payer)
    return payer


def moved(token, payer):
    return [amount for _, _, amount, _ in token.transfers(payer.address, PAY_TO)]


def credit_of(shop, payer):
    place = f"sqlite:{shop.site.ledger_path}"
    result = farebox.run("ledger", "credits", "--all", "--payer", payer.address, "--ledger", place)
    assert result.returncode == 0, result.stderr
    (credit,) = json.loads(result.stdout)
    return {name: int(credit[name]) for name in ("paid", "charged", "held", "refunded", "left")}


def assert_sound(shop):
    verified = farebox.run("ledger", "verify", "--ledger", f"sqlite:{shop.site.ledger_path}")
    assert verified.returncode == 0 and json.loads(verified.stdout)["sound"] is True, verified.stdout


def at_once(tasks):
    """Runs all of them together; their results."""
    start = threading.Barrier(len(tasks))

    def run(task):
        start.wait(30)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def asking(shop, target, fields, words):
    """Asks once on a connection of its own; the answer."""
    def ask():
        with Connection(shop.site.process.address(), timeout=30) as connection:
            connection.send(request("POST", target, {**JSON, **fields}, json.dumps(question(words)).encode()))
            return connection.read_response()

    return ask


@pytest.mark.parametrize("stream", [False, True])
def test_upto_moves_usage_times_rate(shop, token, stream):
    payer = payer_on(token)
    answer = official.permit_session(payer).post(
        shop.site.process.url() + UPTO, json=question(37, stream, max_tokens=500))
    assert answer.status_code == 200, answer.text
    assert official.receipt(answer)["extra"]["settlement"] == "queued"
    assert ("usage" in answer.text) != stream, "a client that did not ask for usage in its stream has none in it"
    cost = shop.upstream.cost(identifier_of(answer.text))
    assert cost == 3 * 2 + 37 * 10
    assert wait_until(lambda: moved(token, payer), "the settlement") == [cost]
    shop.site.states_of(payer)
    (row,) = shop.site.rows_of(payer)
    assert int(row["amount"]) == 2 * len(answer.request.body) + 10 * 500, "what was signed for is the request's own bound"
    assert (row["value"], row["charge"]) == ("settled", str(cost))


def test_what_the_upstream_announces_moves_and_no_client_sees_it(shop, token):
    payer = payer_on(token)
    answer = official.permit_session(payer).post(
        shop.site.process.url() + UPTO, json=question(37), headers={"X-Announce": "25%"})
    assert answer.status_code == 200 and "Settlement-Overrides" not in answer.headers
    assert wait_until(lambda: moved(token, payer), "the settlement") == [MOST // 4]


def test_a_bundle_is_charged_usage_times_rate(shop, token):
    payer = payer_on(token)
    url = shop.site.process.url() + BUNDLE
    session = official.session(payer)
    first = session.post(url, json=question(11))
    assert first.status_code == 200, first.text
    proof = {"Payment-Grant": first.headers["Payment-Grant"]}
    bodies = [first.text] + [
        session.post(url, json=question(words, stream), headers=proof).text
        for words, stream in ((100, False), (200, True), (900, False))]
    cost = sum(shop.upstream.cost(identifier_of(body)) for body in bodies)
    assert credit_of(shop, payer) == {"paid": SOLD, "charged": cost, "held": 0, "refunded": 0, "left": SOLD - cost}
    assert moved(token, payer) == [SOLD]


def test_fifty_at_once_never_overdraw_a_bundle(shop, token):
    payer = payer_on(token)
    bought = official.session(payer).post(shop.site.process.url() + BUNDLE, json=question(11))
    proof = {"Payment-Grant": bought.headers["Payment-Grant"]}
    answers = at_once([asking(shop, BUNDLE, proof, 400 + 10 * number) for number in range(50)])
    assert {answer.status for answer in answers} == {200, 402}
    served = [bought.text] + [answer.body for answer in answers if answer.status == 200]
    assert {Challenge(answer).error for answer in answers if answer.status == 402} <= {"credit_in_use", "credit_spent"}
    cost = sum(shop.upstream.cost(identifier_of(body)) for body in served)
    left = wait_until(lambda: (credit := credit_of(shop, payer))["held"] == 0 and credit, "the end of all draws")
    assert left == {"paid": SOLD, "charged": cost, "held": 0, "refunded": 0, "left": SOLD - cost}
    assert len(served) == len(set(map(identifier_of, served))) and 0 < cost <= SOLD
    assert_sound(shop)


def test_fifty_at_once_never_promise_more_than_a_payer_has(shop, token):
    payer = payer_on(token, amount=4 * MOST)
    offer = Challenge(shop.site.fetch("POST", UPTO, JSON, body=json.dumps(question(1)).encode())).offers[0]
    payments = [sign(payer, offer).v2_fields() for _ in range(50)]
    answers = at_once([asking(shop, UPTO, fields, 100 + number) for number, fields in enumerate(payments)])
    served = [answer.body for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} <= {200, 402, 429, 503} and 0 < len(served) < 50
    cost = [shop.upstream.cost(identifier_of(body)) for body in served]
    wait_until(lambda: len(moved(token, payer)) == len(served), "the settlements", timeout=30)
    assert sorted(moved(token, payer)) == sorted(cost) and sum(cost) <= 4 * MOST
    assert_sound(shop)
