"""Ids that clients give to what they pay for: the official client's extension, and what a repetition gets."""

import uuid

import pytest
from kit import official
from kit.payments import Payer
from kit.routes import route
from x402 import x402ClientSync
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.http.clients import x402_requests
from x402.mechanisms.evm.exact.register import register_exact_evm_client


@pytest.fixture(scope="module")
def front(module_site):
    return module_site([
        route("/named/*", "$0.01", payment_identifier="required"),
        route("/plain/*", "$0.01"),
    ])


def named_session(payer, name):
    """The official client, which puts an id into every payment that it signs where the server declares them."""
    client = register_exact_evm_client(x402ClientSync(), payer.account)

    def name_it(context):
        if context.payment_required.extensions:
            append_payment_identifier_to_extensions(context.payment_required.extensions, name)

    client.on_before_payment_creation(name_it)
    return x402_requests(client)


def test_the_official_client_that_repeats_an_id_gets_the_same_answer_and_pays_once(front):
    payer, name = Payer(), f"pay_{uuid.uuid4().hex}"
    url = front.process.url() + "/named/a"
    answers = [named_session(payer, name).post(url, json={"q": 1}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    assert len({answer.content for answer in answers}) == 1
    assert len({official.receipt(answer)["transaction"] for answer in answers}) == 1
    other = named_session(payer, name).post(url, json={"q": 2})
    assert other.status_code == 409 and other.json()["error"] == "payment_identifier_conflict"
    assert named_session(Payer(), name).post(url, json={"q": 2}).status_code == 200
    assert named_session(payer, f"pay_{uuid.uuid4().hex}").post(url, json={"q": 2}).status_code == 200


def test_a_payment_without_an_id_is_refused_where_one_is_required(front):
    answer = official.session(Payer()).get(front.process.url() + "/named/b")
    assert answer.status_code == 400 and answer.json()["error"] == "payment_identifier_required"
    assert official.session(Payer()).get(front.process.url() + "/plain/b").status_code == 200
