"""What belongs to us or to the payment crosses in neither direction: nobody can forge it, nothing leaks."""

import hashlib
import hmac

import pytest
from kit.payments import encode, now, receipt_of
from kit.routes import route
from kit.upstream import Answer

FORGED = {
    "X-Farebox-Payer": "0x" + "11" * 20, "x-farebox-amount": "1", "X-FAREBOX-ASSET": "usdc", "X-Farebox-Network": "eip155:1",
    "X-Farebox-Payment": "abc", "X-Farebox-Signature": "v1=00", "X-Farebox-Anything": "1",
    "Payment-Grant": "token", "Payment-Retry": "1", "PAYMENT-RESPONSE": "e30=", "X-PAYMENT-RESPONSE": "e30=",
    "PAYMENT-REQUIRED": "e30=", "X-Payment-Required": "x402", "Settlement-Overrides": '{"amount":"0"}',
    "SIGN-IN-WITH-X": "e30=", "X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE",
    "X-Original-URL": "/dear/a", "X-Rewrite-URL": "/dear/a",
    # Servers after the manner of CGI read an underscore as a hyphen.
    "X_Farebox_Payer": "0x" + "11" * 20, "X-FAREBOX_AMOUNT": "1", "X_Forwarded_For": "192.0.2.1", "X_Real_IP": "192.0.2.1",
    "Payment_Grant": "token", "PAYMENT_RESPONSE": "e30=", "X_HTTP_Method_Override": "DELETE", "X_Original_URL": "/dear/a",
}
OURS = {name.lower() for name in FORGED} | {"payment-signature", "x-payment"}


def test_our_namespace_is_stripped_on_a_free_route(site, upstream):
    assert site.fetch("GET", "/free/a", FORGED).status == 200
    assert not upstream.calls()[0].names() & OURS


def test_our_namespace_and_the_payment_are_stripped_on_a_paid_route(site, upstream, pays):
    answer = site.fetch("GET", "/cheap/a", FORGED | pays("/cheap/a").v2_fields())
    assert answer.status == 200, answer.body
    assert not upstream.calls()[0].names() & OURS


def test_fields_that_are_the_clients_own_pass(site, upstream):
    own = {"X-Custom": "kept", "Authorization": "Bearer theirs", "Cookie": "a=b", "Accept": "text/plain"}
    assert site.fetch("GET", "/free/a", own).status == 200
    call = upstream.calls()[0]
    assert all(call.first(name) == value for name, value in own.items())


def test_a_field_named_in_connection_does_not_pass(site, upstream):
    """`Connection: X-Custom` makes that field hop-by-hop; it cannot be used to strip what we add."""
    fields = {"Connection": "X-Custom, X-Farebox-Payer, X-Forwarded-For", "X-Custom": "1", "Keep-Alive": "timeout=5",
              "Proxy-Connection": "keep-alive", "TE": "trailers", "Upgrade": "h2c", "Proxy-Authorization": "Basic eA=="}
    assert site.fetch("GET", "/free/a", fields).status == 200
    names = upstream.calls()[0].names()
    assert not names & {"x-custom", "keep-alive", "proxy-connection", "upgrade", "proxy-authorization"}
    assert "x-forwarded-for" in names


def test_forwarding_fields_are_written_by_us(site, upstream):
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example",
            "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    assert site.fetch("GET", "/free/a", lies).status == 200
    call = upstream.calls()[0]
    assert call.all("x-forwarded-for") == ["127.0.0.1"]
    assert "203.0.113.9" not in str(call.fields) and "evil.example" not in str(call.fields)


@pytest.mark.parametrize("target", ["/free/forged", "/cheap/forged", "/after/forged"])
def test_an_upstream_cannot_forge_a_receipt(site, upstream, payer, target):
    lie = encode({"success": True, "transaction": "0xforged", "network": "eip155:84532"})
    names = ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE", "PAYMENT-REQUIRED", "X-Payment-Required", "Settlement-Overrides",
             "Payment-Grant", "X-Farebox-Payer")
    upstream.answers[target] = Answer(fields=tuple((name, lie) for name in names))
    fields = {} if "free" in target else payer.pay(site.challenge(target)).v2_fields()
    answer = site.fetch("GET", target, fields)
    assert answer.status == 200, answer.body
    assert all(value != lie for _, value in answer.fields)
    assert len(answer.all("PAYMENT-RESPONSE")) == (0 if "free" in target else 1)
    if "free" not in target:
        assert receipt_of(answer)["transaction"] != "0xforged"


def test_a_402_of_the_upstream_is_its_own_affair(site, upstream):
    upstream.answers["/free/theirs"] = Answer(status=402, body=b"theirs", fields=(("PAYMENT-REQUIRED", "e30="),))
    answer = site.fetch("GET", "/free/theirs")
    assert answer.status == 402 and answer.body == b"theirs"
    assert not answer.all("PAYMENT-REQUIRED")


@pytest.mark.parametrize("given", ["public, max-age=60, s-maxage=600", "max-age=60", None, "no-store", "private"])
def test_a_paid_answer_is_private(site, upstream, payer, given):
    upstream.answers["/cheap/cached"] = Answer(fields=(("Cache-Control", given),) if given else ())
    _, answer = site.pay(payer, "/cheap/cached")
    words = {word.strip().split("=")[0].lower() for value in answer.all("cache-control") for word in value.split(",")}
    assert words & {"private", "no-store"}
    assert not words & {"public", "s-maxage"}


def test_a_free_answer_keeps_its_caching(site, upstream):
    upstream.answers["/free/cached"] = Answer(fields=(("Cache-Control", "public, max-age=60"),))
    assert site.fetch("GET", "/free/cached").all("cache-control") == ["public, max-age=60"]


def test_a_paid_answer_can_be_read_by_a_browser(site, upstream, payer):
    upstream.answers["/cheap/cors"] = Answer(fields=(("Access-Control-Allow-Origin", "*"),
                                                     ("Access-Control-Expose-Headers", "X-Own")))
    _, answer = site.pay(payer, "/cheap/cors", fields={"Origin": "https://app.example"})
    exposed = {word.strip().lower() for value in answer.all("access-control-expose-headers") for word in value.split(",")}
    assert {"payment-response", "x-payment-response", "x-own"} <= exposed


def test_plain_facts_are_told_where_the_route_asks_for_it(make_site, payer):
    site = make_site([route("GET /told", "$0.001", forward_payment="plain")])
    payment, answer = site.pay(payer, "/told", fields={"X-Farebox-Payer": "forged", "X-Farebox-Amount": "0"})
    assert answer.status == 200, answer.body
    (call,) = site.upstream.calls()
    assert [value.lower() for value in call.all("x-farebox-payer")] == [payer.address.lower()]
    assert call.all("x-farebox-amount") == ["1000"]
    assert call.first("x-farebox-network") == payment.asset.network
    assert payment.asset.address.lower() in call.first("x-farebox-asset").lower()
    assert call.first("x-farebox-payment")


def test_signed_facts_can_be_checked_by_the_upstream(make_site, payer):
    """HMAC-SHA-256 over version, time, method, target and the five values, joined by line feeds."""
    key = "upstream-secret-of-this-test"
    site = make_site([route("GET /told/*", "$0.001", forward_payment="signed")], env={"FAREBOX_FORWARD_KEY": key},
                     payments={"forward_key_env": "FAREBOX_FORWARD_KEY"})
    site.process.secrets.append(key)
    _, answer = site.pay(payer, "/told/a?b=c")
    assert answer.status == 200, answer.body
    (call,) = site.upstream.calls()
    facts = [call.first(f"x-farebox-{name}") for name in ("payer", "amount", "asset", "network", "payment")]
    time = call.first("x-farebox-time")
    assert abs(int(time) - now()) <= 2
    message = "\n".join(["v1", time, "GET", "/told/a?b=c", *facts]).encode()
    assert call.first("x-farebox-signature") == "v1=" + hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
