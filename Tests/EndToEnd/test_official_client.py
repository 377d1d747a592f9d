"""The official Python client 2.25 pays through the program, in front of an upstream that knows nothing of payments."""

import asyncio
import json

from kit import official
from kit.payments import ARBITRUM, BASE, BASE_SEPOLIA


def test_version_2_client_pays(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/cheap/berlin?units=metric")
    assert answer.status_code == 200, answer.text
    assert answer.json()["served"] == "/cheap/berlin?units=metric"
    receipt = official.receipt(answer)
    assert receipt["success"] is True
    assert receipt["network"] == BASE_SEPOLIA.network
    assert receipt["payer"].lower() == payer.address.lower()
    assert receipt["transaction"]
    assert "PAYMENT-RESPONSE" in answer.headers and "X-PAYMENT-RESPONSE" not in answer.headers
    assert len(upstream.calls()) == 1, "the unpaid request must not have reached the upstream"


def test_version_1_client_pays(site, upstream, payer):
    answer = official.version_1_session(payer).get(site.process.url() + "/cheap/one")
    assert answer.status_code == 200, answer.text
    receipt = official.receipt(answer)
    assert receipt["success"] is True
    assert receipt["network"] == "base-sepolia", "a version 1 receipt names the network as version 1 does"
    assert "X-PAYMENT-RESPONSE" in answer.headers and "PAYMENT-RESPONSE" not in answer.headers
    assert len(upstream.calls()) == 1


def test_version_2_client_pays_where_version_1_has_no_name(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/arbitrum/one")
    assert answer.status_code == 200, answer.text
    assert official.receipt(answer)["network"] == ARBITRUM.network
    assert len(upstream.calls()) == 1


def test_mainnet_usdc_has_its_own_domain_name(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/base/one")
    assert answer.status_code == 200, answer.text
    assert official.receipt(answer)["network"] == BASE.network


def test_the_first_of_several_offers_is_taken(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/both/one")
    assert answer.status_code == 200, answer.text
    assert official.receipt(answer)["network"] == BASE_SEPOLIA.network
    second = official.version_1_session(payer).get(site.process.url() + "/both/two")
    assert second.status_code == 200, second.text


def test_exactly_one_dollar_is_within_the_default_spend_controls(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/dollar")
    assert answer.status_code == 200, answer.text


def test_a_body_is_sent_with_the_payment(site, upstream, payer):
    body = json.dumps({"question": "how warm is it?"}).encode()
    answer = official.session(payer).post(
        site.process.url() + "/cheap/ask", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    (call,) = upstream.calls()
    assert call.body == body
    assert call.first("content-type") == "application/json"


def test_a_settled_after_route_pays_too(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/after/one")
    assert answer.status_code == 200, answer.text
    assert official.receipt(answer)["success"] is True
    assert official.receipt(answer)["transaction"]


def test_a_free_route_asks_for_nothing(site, upstream, payer):
    answer = official.session(payer).get(site.process.url() + "/free/one")
    assert answer.status_code == 200
    assert official.receipt(answer) is None
    assert not {"payment-signature", "x-payment"} & upstream.calls()[0].names()


def test_one_session_pays_again_and_again_on_one_connection(site, upstream, payer):
    session = official.session(payer)
    transactions = set()
    for number in range(10):
        answer = session.get(f"{site.process.url()}/cheap/{number}")
        assert answer.status_code == 200, answer.text
        transactions.add(official.receipt(answer)["transaction"])
    assert len(transactions) == 10, "every payment has a transaction of its own"
    assert len(upstream.calls()) == 10


def test_the_asynchronous_client_pays_concurrently(site, upstream, payer):
    async def pay_ten():
        async with official.async_client(payer) as client:
            url = site.process.url()
            return await asyncio.gather(*(client.get(f"{url}/cheap/async-{n}") for n in range(10)))

    answers = asyncio.run(pay_ten())
    assert [answer.status_code for answer in answers] == [200] * 10
    assert all(official.receipt(answer)["success"] for answer in answers)
    assert sorted(call.target for call in upstream.calls()) == sorted(f"/cheap/async-{n}" for n in range(10))


def test_each_payment_is_a_settled_and_delivered_row(site, upstream, payer):
    session = official.session(payer)
    for number in range(3):
        assert session.get(f"{site.process.url()}/cheap/row-{number}").status_code == 200
    assert site.states_of(payer) == [("settled", "delivered")] * 3
