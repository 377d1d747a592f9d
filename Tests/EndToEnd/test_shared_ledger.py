"""The API and the paywall share one ledger: a payment has one owner, whoever asked first."""

import threading

from kit.facilitator import ask, body
from kit.payments import BASE_SEPOLIA
from kit.routes import OTHER_PAY_TO, PAY_TO, route

ROUTES = [route("GET /paid", "$0.01")]


def test_settled_through_the_api_it_opens_no_route(site, upstream, payer):
    payment = payer.sign(BASE_SEPOLIA, PAY_TO, 1000)
    assert ask(site, "/settle", body(payment))[1]["success"] is True
    answer = site.fetch("GET", "/cheap/a", payment.v2_fields())
    assert answer.status in (402, 409) and answer.json()["error"] == "payment_already_used"
    assert not upstream.calls()


def test_claimed_by_the_paywall_the_api_refuses_it(site, upstream, payer):
    payment, answer = site.pay(payer, "/cheap/a")
    assert answer.status == 200
    assert ask(site, "/verify", body(payment))[1]["isValid"] is False
    receipt = ask(site, "/settle", body(payment))[1]
    assert receipt["success"] is False and receipt["transaction"] == ""


def test_raced_at_both_it_has_one_owner(site, upstream, payer):
    for number in range(10):
        payment = payer.sign(BASE_SEPOLIA, PAY_TO, 1000)
        outcomes, start = {}, threading.Barrier(2)

        def settle(payment=payment, start=start, outcomes=outcomes):
            start.wait(10)
            outcomes["api"] = ask(site, "/settle", body(payment))[1]["success"]

        def open_route(payment=payment, start=start, outcomes=outcomes):
            start.wait(10)
            outcomes["route"] = site.fetch("GET", "/cheap/race", payment.v2_fields()).status == 200

        threads = [threading.Thread(target=settle), threading.Thread(target=open_route)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert outcomes["api"] != outcomes["route"], (number, outcomes)


def test_api_keys_guard_settle(make_site, payer):
    site = make_site(ROUTES, facilitator={"listen": "127.0.0.1:0", "api_keys_env": "TEST_API_KEYS"},
                     env={"TEST_API_KEYS": "first:first-key-of-this-test,second:second-key-of-this-test"})
    site.process.secrets += ["first-key-of-this-test", "second-key-of-this-test"]
    content = body(payer.sign(BASE_SEPOLIA, PAY_TO, 1000))
    for fields in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "first-key-of-this-test"}, {"Authorization": "Bearer "}):
        status, answer = ask(site, "/settle", content, fields=fields)
        assert status in (401, 403), (fields, status)
        assert "success" not in answer or answer["success"] is False
    assert ask(site, "/settle", content, fields={"Authorization": "Bearer second-key-of-this-test"})[1]["success"] is True


def test_one_key_cannot_take_what_another_settled(make_site, payer):
    site = make_site(ROUTES, facilitator={"listen": "127.0.0.1:0", "api_keys_env": "TEST_API_KEYS"},
                     env={"TEST_API_KEYS": "first:first-key-of-this-test,second:second-key-of-this-test"})
    content = body(payer.sign(BASE_SEPOLIA, PAY_TO, 1000))
    assert ask(site, "/settle", content, fields={"Authorization": "Bearer first-key-of-this-test"})[1]["success"] is True
    assert ask(site, "/settle", content, fields={"Authorization": "Bearer second-key-of-this-test"})[1]["success"] is False


def test_only_known_recipients_are_settled_for(make_site, payer):
    """Default: every `pay_to` of the file, so that an open facilitator does not pay anyone's fees."""
    site = make_site(ROUTES, facilitator={"listen": "127.0.0.1:0"})
    refused = ask(site, "/settle", body(payer.sign(BASE_SEPOLIA, OTHER_PAY_TO, 1000)))[1]
    assert refused["success"] is False
    assert ask(site, "/settle", body(payer.sign(BASE_SEPOLIA, PAY_TO, 1000)))[1]["success"] is True


def test_a_listed_recipient_is_settled_for(make_site, payer):
    site = make_site(ROUTES, facilitator={"listen": "127.0.0.1:0", "pay_to_allowed": [OTHER_PAY_TO]})
    assert ask(site, "/settle", body(payer.sign(BASE_SEPOLIA, OTHER_PAY_TO, 1000)))[1]["success"] is True
