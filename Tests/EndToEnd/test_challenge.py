"""Every 402 says the price in all wire forms at once, and they agree."""

import json

import pytest
from kit.payments import BASE_SEPOLIA, Challenge, now
from kit.polling import wait_until
from kit.routes import PAY_TO, PUBLIC_URL

EXPOSED = {"payment-required", "payment-response", "x-payment-response", "x-payment-required"}


def exposed(response):
    return {word.strip().lower() for value in response.all("access-control-expose-headers") for word in value.split(",")}


def test_the_three_forms_name_the_same_price(site, upstream):
    challenge = site.challenge("/cheap/berlin?units=metric")
    (offer,) = challenge.offers
    assert challenge.v2["x402Version"] == 2
    assert offer == {
        "scheme": "exact", "network": "eip155:84532", "amount": "1000", "asset": BASE_SEPOLIA.address,
        "payTo": PAY_TO, "maxTimeoutSeconds": offer["maxTimeoutSeconds"],
        "extra": {"name": "USDC", "version": "2"}}
    assert isinstance(offer["maxTimeoutSeconds"], int) and offer["maxTimeoutSeconds"] > 0

    assert challenge.v1["x402Version"] == 1
    (old,) = challenge.v1["accepts"]
    assert old["network"] == "base-sepolia"
    assert old["maxAmountRequired"] == "1000"
    assert (old["asset"], old["payTo"], old["scheme"]) == (offer["asset"], offer["payTo"], "exact")
    assert old["resource"] == PUBLIC_URL + "/cheap/berlin?units=metric"
    assert old["description"] == "Weather report" and old["mimeType"] == "application/json"
    assert old["extra"] == offer["extra"]

    members = challenge.plain_members()
    assert members["amount"] == "1000" and members["asset"] == offer["asset"]
    assert members["chain"] == "eip155:84532" and members["recipient"] == PAY_TO
    assert 0 < members["expires"] - now() <= offer["maxTimeoutSeconds"] + 2
    assert not upstream.calls()


def test_the_resource_is_the_public_url_of_what_was_asked(site):
    for target in ("/cheap/a", "/cheap/a?x=1&y=%20z", "/cheap/" + "long" * 100, "/cheap/ab", "/cheap/abc"):
        challenge = site.challenge(target)
        assert challenge.resource["url"] == PUBLIC_URL + target
        assert challenge.v1["accepts"][0]["resource"] == PUBLIC_URL + target


def test_a_402_is_not_to_be_stored_and_can_be_read_by_a_browser(site):
    response = site.fetch("GET", "/cheap/a")
    assert response.status == 402
    assert "no-store" in response.first("cache-control")
    assert EXPOSED <= exposed(response)
    assert response.first("content-type").startswith("application/json")
    assert len(response.all("PAYMENT-REQUIRED")) == 1
    assert max(len(value) for _, value in response.fields) < 4096, "intermediaries cap a field at 4 to 8 kB"
    assert all(ord(character) < 128 for _, value in response.fields for character in value)


def test_no_form_holds_a_null(site):
    challenge = site.challenge("/cheap/a")
    assert "null" not in json.dumps(challenge.v2) and "null" not in json.dumps(challenge.v1)


def test_offers_come_in_order_of_preference(site):
    challenge = site.challenge("/both/a")
    assert [offer["network"] for offer in challenge.offers] == ["eip155:84532", "eip155:8453"]
    assert [offer["network"] for offer in challenge.v1["accepts"]] == ["base-sepolia", "base"]
    assert challenge.plain_members()["chain"] == "eip155:84532"


def test_a_network_without_a_version_1_name_leaves_the_body_without_offers(site):
    challenge = site.challenge("/arbitrum/a")
    assert [offer["network"] for offer in challenge.offers] == ["eip155:42161"]
    assert "accepts" not in challenge.v1 and "x402Version" not in challenge.v1
    assert challenge.v1["error"]


def test_a_dollar_price_is_exact(site):
    for target, amount in (("/cheap/a", "1000"), ("/dear/a", "500000"), ("/after/a", "2000"), ("/dollar", "1000000")):
        assert site.challenge(target).offers[0]["amount"] == amount


def test_every_error_body_carries_the_id_that_the_log_has(site):
    for method, target, status in (("GET", "/cheap/a", 402), ("GET", "/nowhere", 404), ("DELETE", "/cheap/a", 405),
                                   ("GET", "/cheap/../dear/a", 400)):
        response = site.fetch(method, target)
        assert response.status == status, (method, target)
        body = response.json()
        assert body["error"] and body["requestId"], body
        wait_until(lambda request=body["requestId"]: request in site.process.output(), "log line with the id")


def test_ids_differ(site):
    ids = {site.fetch("GET", "/cheap/a").json()["requestId"] for _ in range(20)}
    assert len(ids) == 20


def test_an_unknown_path_is_never_forwarded(site, upstream):
    for target in ("/", "/nowhere", "/cheaper/a", "/v1", "/dollar/more"):
        assert site.fetch("GET", target).status == 404
    assert not upstream.calls()


def test_a_known_path_with_another_method_says_which_are_allowed(site, upstream):
    response = site.fetch("DELETE", "/cheap/a")
    assert response.status == 405
    allowed = {word.strip() for word in response.first("allow").split(",")}
    assert {"GET", "POST"} <= allowed and "DELETE" not in allowed
    assert not upstream.calls()


def test_head_is_told_the_price_without_a_body(site, upstream):
    response = site.fetch("HEAD", "/cheap/a")
    assert response.status == 402 and response.body == b""
    assert response.first("PAYMENT-REQUIRED")
    assert not upstream.calls()


@pytest.mark.parametrize("spelling", ["/CHEAP/a", "/Cheap/a", "/cheap/a/", "/%63heap/a", "/che%61p/a"])
def test_no_spelling_of_a_priced_path_is_cheaper(site, upstream, spelling):
    assert Challenge(site.fetch("GET", spelling)).offers[0]["amount"] == "1000"
    assert not upstream.calls()


def test_a_free_route_passes_unpaid(site, upstream):
    response = site.fetch("GET", "/free/a?b=c")
    assert response.status == 200
    assert not response.all("PAYMENT-REQUIRED") and not response.all("PAYMENT-RESPONSE")
    assert [call.target for call in upstream.calls()] == ["/free/a?b=c"]


BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "text/html,application/xhtml+xml"}


def test_a_browser_gets_a_page_and_the_same_offers(site):
    """Programs that call themselves Mozilla and ask for JSON are not browsers."""
    page = site.fetch("GET", "/cheap/x", BROWSER)
    assert page.status == 402 and page.first("content-type") == "text/html; charset=utf-8"
    assert b"Weather report costs $0.001" in page.body and b"<script" not in page.body
    plain = site.fetch("GET", "/cheap/x")
    assert page.first("payment-required") == plain.first("payment-required")
    assert page.first("cache-control") == "no-store"
    for fields in ({**BROWSER, "Accept": "application/json"}, {**BROWSER, "User-Agent": "curl/8"}):
        assert site.fetch("GET", "/cheap/x", fields).first("content-type") == "application/json"
