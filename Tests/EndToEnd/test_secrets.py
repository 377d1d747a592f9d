"""Nothing that could be spent or abused is ever printed or kept: output and ledger are searched for it."""

import re

from kit import farebox as program
from kit.facilitator import ask, body
from kit.payments import encode
from kit.routes import route
from kit.upstream import Answer

ROUTES = [route("GET,POST /paid/*", "$0.001"), route("GET /after", "$0.001", settle="after"), route("GET /free", "free")]


def hex_of(payment):
    return payment.signature[2:].lower()


def test_the_output_holds_no_secret(make_site, payer):
    """Good, refused, repeated, broken and failing payments: each in every form, then the whole output is read."""
    site = make_site(ROUTES, facilitator={"listen": "127.0.0.1:0", "api_keys_env": "TEST_API_KEYS"},
                     env={"TEST_API_KEYS": "seller:api-key-of-this-test"})
    payments = []
    for form in ("v2", "v1", "plain"):
        payment = payer.pay(site.challenge("/paid/a"))
        payments.append(payment)
        for variant in (payment.high_s(), payment, payment):
            site.fetch("GET", "/paid/a?token=query-secret-of-this-test", variant.fields(form) | {
                "Authorization": "Bearer client-secret-of-this-test", "Cookie": "sid=cookie-secret-of-this-test"})
        site.fetch("GET", "/paid/a", {name: value[:-40] for name, value in payment.fields(form).items()})
        site.fetch("GET", "/paid/%00", payment.fields(form))
        site.fetch("GET", "/nowhere", payment.fields(form))
    site.upstream.answers["/paid/broken"] = Answer(status=500)
    payments.append(site.pay(payer, "/paid/broken")[0])
    payments.append(site.pay(payer, "/after")[0])
    mine = payer.pay(site.challenge("/paid/a"))
    payments.append(mine)
    ask(site, "/settle", body(mine), fields={"Authorization": "Bearer api-key-of-this-test"})
    ask(site, "/settle", body(mine), fields={"Authorization": "Bearer wrong-key-of-this-test"})
    assert site.stop() == 0

    text = site.process.output().lower()
    assert len(site.process.events("request")) > 15, "there is a log to be searched"
    for payment in payments:
        assert hex_of(payment) not in text and hex_of(payment)[:64] not in text and hex_of(payment)[64:128] not in text
        for form in ("v2", "v1"):
            assert encode(getattr(payment, form)())[:60].lower() not in text
    for secret in ("api-key-of-this-test", "wrong-key-of-this-test", "client-secret", "cookie-secret", "query-secret"):
        assert secret not in text, secret
    assert payer.key.lower() not in text


def test_the_ledger_keeps_no_signature_of_what_is_final(make_site, payer):
    site = make_site(ROUTES)
    final = [site.pay(payer, "/paid/a", form=form)[0] for form in ("v2", "v1", "plain")]
    final.append(site.pay(payer, "/after")[0])
    assert site.stop() == 0
    stored = b"".join(path.read_bytes() for path in site.folder.glob(site.ledger_path.name + "*"))
    for payment in final:
        assert bytes.fromhex(hex_of(payment)) not in stored
    listed = program.run("ledger", "list", "--ledger", f"sqlite:{site.ledger_path}").stdout.lower()
    assert listed.count('"settled"') == 4
    assert not any(hex_of(payment)[:64] in listed for payment in final)


def test_the_ledger_is_the_operators_alone(make_site, payer):
    site = make_site(ROUTES)
    site.pay(payer, "/paid/a")
    for path in site.folder.glob(site.ledger_path.name + "*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} can be read by others"


def test_each_request_has_one_line_with_its_id(make_site, payer):
    site = make_site(ROUTES)
    refused = site.fetch("GET", "/paid/a").json()["requestId"]
    _, answer = site.pay(payer, "/paid/a")
    site.fetch("GET", "/free")
    assert answer.status == 200 and site.stop() == 0
    lines = site.process.events("request")
    assert len(lines) == 4 and len({line["id"] for line in lines}) == 4
    assert [line["status"] for line in lines if line["id"] == refused] == [402]
    (paid,) = [line for line in lines if line.get("payment")]
    assert paid["status"] == 200 and paid["amount"] == "1000" and paid["payer"].lower() == payer.address.lower()
    assert paid["path"] == "/paid/a" and re.fullmatch(r"\d+", str(paid["us"]))


def test_errors_tell_nothing_internal(make_site, payer):
    site = make_site(ROUTES)
    site.upstream.stop()
    _, answer = site.pay(payer, "/paid/a")
    assert answer.status == 502
    text = answer.body.decode() + str(answer.fields)
    assert "127.0.0.1" not in text and str(site.upstream.address[1]) not in text and ".swift" not in text
