"""The facilitator's API, as sellers and the official client use it."""

import httpx
import pytest
from kit.facilitator import ask, body, requirements
from kit.payments import BASE, BASE_SEPOLIA, now
from kit.routes import OTHER_PAY_TO, PAY_TO, route
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync
from x402.schemas import PaymentPayload, PaymentRequirements

AMOUNT = 10_000


@pytest.fixture
def signed(payer):
    return lambda **changes: payer.sign(changes.pop("asset", BASE_SEPOLIA), changes.pop("to", PAY_TO), changes.pop("value", AMOUNT), **changes)


@pytest.mark.parametrize("version", [1, 2])
def test_verify_then_settle(site, payer, signed, version):
    content = body(signed(), version)
    status, verdict = ask(site, "/verify", content)
    assert status == 200 and verdict["isValid"] is True, verdict
    assert verdict["payer"].lower() == payer.address.lower()
    status, receipt = ask(site, "/settle", content)
    assert status == 200 and receipt["success"] is True, receipt
    assert receipt["network"] == ("base-sepolia" if version == 1 else "eip155:84532")
    assert receipt["transaction"] and receipt["payer"].lower() == payer.address.lower()


def test_the_official_client_verifies_and_settles(site, signed):
    payment = signed()
    content = body(payment)
    with HTTPFacilitatorClientSync(FacilitatorConfig(url=site.process.url("facilitator"))) as client:
        payload = PaymentPayload.model_validate(content["paymentPayload"])
        wanted = PaymentRequirements.model_validate(content["paymentRequirements"])
        assert client.verify(payload, wanted).is_valid is True
        assert client.settle(payload, wanted).success is True
        again = client.settle(payload, wanted)
        supported = client.get_supported()
    assert again.success is False or again.transaction
    kinds = {(kind.x402_version, kind.scheme, kind.network) for kind in supported.kinds}
    assert {(2, "exact", "eip155:84532"), (1, "exact", "base-sepolia"), (2, "exact", "eip155:8453"), (1, "exact", "base")} <= kinds


def test_supported_says_that_no_value_moves(site):
    answer = httpx.get(site.process.url("facilitator") + "/supported").json()
    assert set(answer) >= {"kinds", "extensions", "signers"}
    assert all("mock" in str(kind.get("extra", {})).lower() for kind in answer["kinds"]), "said in /supported extras"
    assert not [k for k in answer["kinds"] if k["x402Version"] == 1 and ":" in k["network"]]


def test_health(site):
    assert httpx.get(site.process.url("facilitator") + "/health").status_code == 200


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("changes, wanted, reason", [
    ({"value": AMOUNT - 1}, {}, "authorization_value_mismatch"), ({"value": AMOUNT + 1}, {}, "authorization_value_mismatch"),
    ({"to": OTHER_PAY_TO}, {"payTo": PAY_TO}, "recipient_mismatch"), ({"valid_before": 1}, {}, "authorization_valid_before"),
    ({"valid_after": 4_000_000_000, "valid_before": 4_000_000_060}, {}, "valid"),
    ({"domain": {"name": "Else"}}, {}, "payload_signature"), ({"domain": {"chainId": 1}}, {}, "payload_signature"),
])
def test_a_wrong_payment_is_a_verdict_not_an_error(site, signed, version, changes, wanted, reason):
    content = body(signed(**changes), version, amount=AMOUNT)
    content["paymentRequirements"] |= wanted
    for path, flag, why in (("/verify", "isValid", "invalidReason"), ("/settle", "success", "errorReason")):
        status, verdict = ask(site, path, content)
        assert status == 200 and verdict[flag] is False, verdict
        assert reason in verdict[why], verdict
    assert verdict["transaction"] == ""


def test_verify_claims_nothing(site, signed):
    content = body(signed())
    for _ in range(3):
        assert ask(site, "/verify", content)[1]["isValid"] is True
    assert ask(site, "/settle", content)[1]["success"] is True


def test_a_settled_payment_does_not_settle_twice(site, payer, signed):
    content = body(signed())
    first = ask(site, "/settle", content)[1]
    second = ask(site, "/settle", content)[1]
    # The seller whose answer was lost may be told the outcome again; nobody is told a new one.
    assert second["success"] is False or second["transaction"] == first["transaction"]
    verdict = ask(site, "/verify", content)[1]
    assert verdict["isValid"] is False, verdict
    assert len(site.states_of(payer)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"{}", b'{"x402Version":2}', b"[" * 5000])
@pytest.mark.parametrize("path", ["/verify", "/settle"])
def test_a_malformed_request_is_400(site, path, content):
    status, answer = ask(site, path, content)
    assert status == 400, answer
    assert answer["invalidReason" if path == "/verify" else "errorReason"] in ("invalid_json", "missing_parameters")
    assert answer["isValid" if path == "/verify" else "success"] is False


@pytest.mark.parametrize("missing", ["paymentPayload", "paymentRequirements"])
def test_a_missing_parameter_is_400(site, signed, missing):
    content = body(signed())
    del content[missing]
    status, answer = ask(site, "/verify", content)
    assert status == 400 and answer["invalidReason"] == "missing_parameters"


@pytest.mark.parametrize("outer, inner", [(3, 3), (1, 2), (2, 1)])
def test_versions_that_differ_or_are_unknown(site, signed, outer, inner):
    content = body(signed())
    content["x402Version"] = outer
    content["paymentPayload"]["x402Version"] = inner
    status, verdict = ask(site, "/verify", content)
    assert status == 200 and verdict["isValid"] is False
    assert verdict["invalidReason"] == "invalid_x402_version"


def test_what_no_rail_serves(site, signed):
    other = dict(requirements(), network="eip155:999999")
    content = body(signed(), paymentRequirements=other)
    content["paymentPayload"]["accepted"] = other
    status, verdict = ask(site, "/verify", content)
    assert status == 200 and verdict["isValid"] is False and verdict["invalidReason"]
    scheme = dict(requirements(), scheme="upto")
    content = body(signed(), paymentRequirements=scheme)
    content["paymentPayload"]["accepted"] = scheme
    status, verdict = ask(site, "/verify", content)
    assert status == 200 and verdict["isValid"] is False and verdict["invalidReason"]


def test_the_accepted_offer_must_be_the_one_required(site, signed):
    content = body(signed())
    content["paymentPayload"]["accepted"] = requirements(BASE)
    status, verdict = ask(site, "/verify", content)
    assert status == 200 and verdict["isValid"] is False


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nothing", 404), ("DELETE", "/settle", 405), ("PUT", "/verify", 405), ("POST", "/supported", 405), ("POST", "/health", 405),
])
def test_other_paths_and_methods(site, method, path, status):
    assert site.process.fetch(method, path, role="facilitator").status == status


def test_an_oversized_body_is_cut_off(site):
    status = site.process.fetch("POST", "/verify", {"Content-Type": "application/json"}, b" " * 4_000_000, role="facilitator").status
    assert status == 413


def test_a_facilitator_alone(make_site, payer):
    """`farebox facilitator` serves the API without a paywall."""
    site = make_site([route("GET /x", "$0.01")], command="facilitator", role="facilitator", facilitator={"listen": "127.0.0.1:0"})
    payment = payer.sign(BASE_SEPOLIA, PAY_TO, AMOUNT, valid_before=now() + 60)
    assert ask(site, "/settle", body(payment))[1]["success"] is True
    assert [e for e in site.process.events("listening") if e.get("role") == "paywall"] == []
