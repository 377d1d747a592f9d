"""Prices by rules: what each request is asked, what pays for it, and what becomes of a body that is looked into."""

import hashlib
import json

import pytest
from kit import farebox as program
from kit import official
from kit.payments import Challenge
from kit.polling import wait_until
from kit.routes import route
from kit.sign_in import sign_in
from kit.upstream import Answer, Upstream

JSON = {"content-type": "application/json"}
TABLE = {
    "default": "$0.01",
    "max_body_bytes": "1KiB",
    "rules": [
        {"name": "staff", "when": {"header.x-tier": "staff"}, "price": "free"},
        {"name": "wide", "when": {"query.size": ">= 1024"}, "price": "$0.02"},
        {"name": "paris", "when": {"path.city": "par*"}, "price": "$0.03"},
        {"name": "large", "when": {"method": "POST", "body.model": ["large", "huge*"]}, "price": "$0.05"},
        {"name": "many", "when": {"body.n": "> 1"}, "price": "7 usdc@base-sepolia"},
    ],
}
ROUTES = [
    route("GET,POST /draw/:city", TABLE),
    route("POST /dearest", TABLE | {"on_unreadable_body": "dearest", "rules": TABLE["rules"][3:]}),
    route("GET /volume/*", {"default": "$0.01", "volume_per": "365d", "rules": [
        {"name": "regular", "when": {"paid": ">= $0.02"}, "price": "$0.004"}]}),
    route("GET /margin", {"cost": "$0.004", "margin": "25%", "minimum": "$0.001"}),
]


@pytest.fixture(scope="module")
def shop(module_site):
    return module_site(ROUTES)


@pytest.fixture(autouse=True)
def fresh(shop):
    shop.upstream.reset()


def asked(shop, target, method="GET", **keywords):
    """The status, and the amount of the first offer of a 402."""
    answer = shop.fetch(method, target, **keywords)
    return Challenge(answer).offers[0]["amount"] if answer.status == 402 else answer.status


def post(shop, body, target="/draw/oslo", fields=JSON):
    return asked(shop, target, "POST", fields=fields, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def test_the_first_rule_that_applies_decides(shop):
    assert asked(shop, "/draw/oslo") == "10000"
    assert asked(shop, "/draw/oslo?size=1023") == "10000"
    assert asked(shop, "/draw/oslo?size=1024") == "20000"
    assert asked(shop, "/draw/paris") == "30000"
    assert asked(shop, "/draw/paris?size=4096") == "20000"
    assert asked(shop, "/draw/paris", fields={"x-tier": "staff"}) == 200
    assert post(shop, {"model": "large"}) == "50000"
    assert post(shop, {"model": "huge-2", "n": 5}) == "50000"
    assert post(shop, {"model": "small", "n": 1.5}) == "7"
    assert post(shop, {"model": "small", "n": 1}) == "10000"
    assert asked(shop, "/draw/oslo", "POST") == "10000", "no body has no fields"
    assert asked(shop, "/margin") == "5000", "cost and margin are one price"


@pytest.mark.parametrize("method, target, fields, body, status", [
    ("GET", "/draw/oslo?size=1&size=9999", {}, None, 400),
    ("GET", "/draw/oslo?Size=9999", {}, None, 400),
    ("GET", "/draw/oslo?size[]=9999", {}, None, 400),
    ("GET", "/draw/oslo?a=1;size=9999", {}, None, 400),
    ("GET", "/draw/oslo?size=9,999", {}, None, 400),
    ("GET", "/draw/Paris", {}, None, 400),
    ("GET", "/draw/oslo", {"X_Tier": "staff"}, None, 400),
    ("GET", "/draw/oslo", {"x-tier": "STAFF"}, None, 400),
    ("POST", "/draw/oslo", JSON, b'{"model":"small","model":"large"}', 400),
    ("POST", "/draw/oslo", JSON, b'{"model":"small","MODEL":"large"}', 400),
    ("POST", "/draw/oslo", JSON, b'{"model":"small","mod\\u0065l":"large"}', 400),
    ("POST", "/draw/oslo", JSON, b'{"model":"small","n":"many"}', 400),
    ("POST", "/draw/oslo", JSON, b"model=large", 400),
    ("POST", "/draw/oslo", JSON, b'{"text":"' + b"x" * 2000 + b'","model":"small"}', 413),
    ("POST", "/draw/oslo", {"content-type": "text/plain"}, b'{"model":"small"}', 415),
    ("POST", "/draw/oslo", JSON | {"content-encoding": "gzip"}, b'{"model":"small"}', 415),
])
def test_what_another_reader_would_price_otherwise_is_refused(shop, payer, method, target, fields, body, status):
    challenge = shop.challenge("/draw/oslo")
    payment = payer.pay(challenge)
    answer = shop.fetch(method, target, fields=fields | payment.v2_fields(), body=body)
    assert answer.status == status, answer.body
    assert not shop.upstream.calls() and not shop.rows_of(payer)


def test_a_payment_opens_its_own_price_only(shop, payer):
    cheap = payer.pay(shop.challenge("/draw/oslo"))
    body = json.dumps({"model": "large"}).encode()
    for form in ("v2", "v1", "plain"):
        answer = shop.fetch("POST", "/draw/oslo", fields=JSON | cheap.fields(form), body=body)
        assert answer.status == 402 and Challenge(answer).offers[0]["amount"] == "50000", form
    assert shop.fetch("GET", "/draw/paris", fields=cheap.v2_fields()).status == 402
    assert not shop.upstream.calls() and not shop.rows_of(payer)
    assert shop.fetch("GET", "/draw/oslo", fields=cheap.v2_fields()).status == 200


def test_a_quote_is_bound_to_the_body_it_was_made_for(shop, payer):
    small, large = (json.dumps({"model": model}).encode() for model in ("small", "large"))
    challenge = Challenge(shop.fetch("POST", "/draw/oslo", fields=JSON, body=small))
    payment = payer.pay(challenge)
    for other in (large, small + b" ", b'{"model":"small","n":0}'):
        answer = shop.fetch("POST", "/draw/oslo", fields=JSON | payment.v2_fields(), body=other)
        assert answer.status == 402 and Challenge(answer).offers[0]["extra"]["quote"] != challenge.offers[0]["extra"]["quote"]
    assert shop.fetch("POST", "/draw/oslo", fields=JSON | payment.v2_fields(), body=small).status == 200
    assert [call.body for call in shop.upstream.calls()] == [small]
    for session in (official.session(payer), official.version_1_session(payer)):
        answer = session.post(shop.process.url() + "/draw/oslo", json={"model": "large"})
        assert answer.status_code == 200 and shop.rows_of(payer)[0]["amount"] == "50000"


def test_a_long_body_streams_on_once_its_fields_were_seen(shop, payer):
    body = b'{"model":"large","n":1,"text":"' + b"x" * 3_000_000 + b'"}'
    challenge = Challenge(shop.fetch("POST", "/draw/oslo", fields=JSON, body=body))
    assert challenge.offers[0]["amount"] == "50000"
    assert shop.fetch("POST", "/draw/oslo", fields=JSON | payer.pay(challenge).v2_fields(), body=body).status == 200
    assert shop.upstream.calls()[-1].digest == hashlib.sha256(body).hexdigest()


def test_the_dearest_is_asked_where_the_file_says_so(shop, payer):
    body = b"model=small&text=" + b"x" * 200_000
    challenge = Challenge(shop.fetch("POST", "/dearest", body=body))
    assert challenge.offers[0]["amount"] == "50000"
    assert shop.fetch("POST", "/dearest", fields=payer.pay(challenge).v2_fields(), body=body).status == 200
    assert shop.upstream.calls()[-1].body == body


def test_the_log_names_the_rule(shop):
    asked(shop, "/draw/paris?from=the-log")
    lines = wait_until(lambda: [line for line in shop.process.events() if line.get("rule") == "paris"], "line of the log")
    assert lines[-1]["path"] == "/draw/paris" and lines[-1]["route"] == "GET,POST /draw/:city"


def test_an_older_price_is_honoured_after_a_reload(make_site, payer):
    site = make_site(ROUTES)
    body = json.dumps({"model": "large"}).encode()
    old = payer.pay(Challenge(site.fetch("POST", "/draw/oslo", fields=JSON, body=body)))
    dearer = json.loads(json.dumps(TABLE).replace("$0.05", "$0.50"))
    assert site.change(routes=[route("GET,POST /draw/:city", dearer)])["message"] == "reloaded"
    assert post(site, {"model": "large"}) == "500000"
    assert site.fetch("POST", "/draw/oslo", fields=JSON | old.v2_fields(), body=body).status == 200


def test_the_command_explains_and_checks(shop, tmp_path):
    def price(*arguments):
        result = program.run("price", "--json", "--config", str(shop.file), *arguments)
        return result.returncode, json.loads(result.stdout)

    code, report = price("POST", "/draw/oslo", "-d", '{"model": "large"}')
    assert (code, report["price"], report["rule"]) == (0, "$0.05", "large")
    assert any("`wide` does not apply: query.size" in reason for reason in report["why"]), report
    code, report = price("GET", "/draw/oslo", "-H", "X-Tier: staff")
    assert (code, report["price"], report["offers"]) == (0, "free", [])
    code, report = price("GET", "/draw/oslo?size=1&size=2")
    assert (code, report["status"]) == (1, 400)
    broken = tmp_path / "routes.toml"
    broken.write_text(shop.file.read_text().replace("par*", "par*\", path.town = \"x"))
    result = program.run("check", "--config", str(broken))
    assert result.returncode == 1 and "the route has no parameter :town" in result.stdout


def test_a_payer_who_signs_in_is_told_the_price_that_it_has_earned(shop, make_payer):
    regular, other = make_payer(), make_payer()
    for number in range(2):
        assert shop.pay(regular, f"/volume/{number}")[1].status == 200
    challenge = shop.challenge("/volume/a")
    assert challenge.offers[0]["amount"] == "10000"
    known = Challenge(shop.fetch("GET", "/volume/a", sign_in(challenge, regular)))
    assert known.offers[0]["amount"] == "4000"
    assert Challenge(shop.fetch("GET", "/volume/a", sign_in(challenge, regular))).error == "invalid_siwx_nonce"
    assert Challenge(shop.fetch("GET", "/volume/a", sign_in(shop.challenge("/volume/a"), other))).offers[0]["amount"] == "10000"
    assert shop.fetch("GET", "/volume/a", regular.pay(known).v2_fields()).status == 200
    assert shop.pay(regular, "/volume/b")[1].status == 200, "the base price is everybody's"
    assert shop.fetch("GET", "/volume/a", other.pay(known).v2_fields()).status == 402
    assert [row["amount"] for row in shop.rows_of(regular)] == ["10000", "4000", "10000", "10000"]
    for paid, price in [("$0.01", "$0.01"), ("$0.02", "$0.004")]:
        result = program.run("price", "--config", str(shop.file), "--json", "--paid", paid, "GET", "/volume/a")
        assert json.loads(result.stdout)["price"] == price, result.stdout


class TestQuotesOfTheUpstream:
    @pytest.fixture(scope="class")
    @staticmethod
    def tools(module_site):
        return module_site([
            route("POST /run/:tool", {"margin": "25%", "maximum": "$3"},
                  price_from={"header": "X-Quote", "path": "/quote/:tool", "headers": ["x-tenant"]}),
            route("GET /short/*", None, price_from="header:X-Quote"),
            route("GET /brief/*", None, price_from={"header": "x-quote", "method": "GET", "cache": "0s"})])

    @pytest.fixture(autouse=True)
    def fresh_tools(self, tools):
        tools.upstream.reset()

    @staticmethod
    def quotes(tools, path, *values, **keys):
        tools.upstream.answers[path] = Answer(fields=tuple(("X-Quote", value) for value in values), **keys)

    def test_the_upstream_is_asked_before_it_spends(self, tools, payer):
        self.quotes(tools, "/quote/mail", "$0.4; valid_for=30")
        fields = {"x-tenant": "acme", "cookie": "mine"}
        challenge = Challenge(tools.fetch("POST", "/run/mail?n=1", fields, body=b"text"))
        assert challenge.offers[0]["amount"] == "500000", "the cost and the margin"
        (call,) = tools.upstream.calls()
        assert (call.method, call.target, call.first("x-tenant")) == ("HEAD", "/quote/mail?n=1", "acme")
        assert "cookie" not in call.names() and call.length == 0
        answer = tools.fetch("POST", "/run/mail?n=1", {**fields, **payer.pay(challenge).v2_fields()}, body=b"text")
        assert answer.status == 200 and [call.method for call in tools.upstream.calls()] == ["HEAD", "POST"]
        assert tools.upstream.calls()[1].body == b"text"
        self.quotes(tools, "/quote/car", "$90")
        assert Challenge(tools.fetch("POST", "/run/car", body=b"")).offers[0]["amount"] == "3000000"
        self.quotes(tools, "/short/a", "$0.07")
        assert asked(tools, "/short/a") == "70000"

    def test_a_quote_that_has_changed_is_honoured_and_none_is_made_up(self, tools, payer):
        self.quotes(tools, "/brief/a", "$0.02", body=b"x" * 100_000)
        told = payer.pay(tools.challenge("/brief/a"))
        self.quotes(tools, "/brief/a", "$0.03")
        assert asked(tools, "/brief/a") == "30000"
        self.quotes(tools, "/brief/b", "$0.04")
        assert asked(tools, "/brief/b", fields=told.v2_fields()) == "40000"
        calls = len(tools.upstream.calls())
        assert tools.fetch("GET", "/brief/a", fields=told.v2_fields()).status == 200
        assert len(tools.upstream.calls()) == calls + 1, "it was not asked again"

    @pytest.mark.parametrize("values, status", [
        ((), 200), (("0.02",), 200), (("$0.02", "$0.02"), 200), (("-$1",), 200), (("$0.02",), 404), (("$0.02",), 500)])
    def test_what_is_no_quote_is_503(self, tools, values, status):
        self.quotes(tools, "/short/none", *values, status=status)
        answer = tools.fetch("GET", "/short/none")
        assert answer.status == 503 and answer.json()["error"] == "price_unavailable" and answer.first("retry-after")
        assert [call.method for call in tools.upstream.calls()] == ["HEAD"]


@pytest.fixture(scope="module")
def service():
    """A price service on a port of its own."""
    service = Upstream()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def served(module_site, service):
    def table(**keys):
        return {"margin": "50%", "maximum": "$2", "rules": TABLE["rules"][:1], "max_body_bytes": "1KiB",
                "service": {"url": service.url + "/price", "fields": ["query.size", "body.model"], **keys}}

    return module_site([
        route("GET,POST /served/*", table(api_key_env="SERVICE_KEY")), route("GET /fresh/*", table(cache="0s")),
        route("GET /else/*", table(cache="0s", fallback="$0.09"))], env={"SERVICE_KEY": "sesame"})


class TestService:
    @pytest.fixture(autouse=True)
    def fresh_service(self, served, service):
        served.upstream.reset()
        service.reset()

    @staticmethod
    def says(service, text, **keys):
        service.answers["/price"] = Answer(body=text.encode(), **keys)

    def test_it_is_asked_where_no_rule_applies(self, served, service, payer):
        self.says(service, '{"price": "$0.02", "valid_for": 60, "reason": "quiet"}')
        assert asked(served, "/served/a", fields={"x-tier": "staff"}) == 200 and not service.calls()
        assert asked(served, "/served/a?size=5&secret=x") == "20000"
        (call,) = service.calls()
        assert call.method == "POST" and call.first("authorization") == "Bearer sesame"
        assert json.loads(call.body) == {
            "route": "GET,POST /served/*", "method": "GET", "host": "api.example.com", "path": "/served/a",
            "fields": {"query.size": "5", "body.model": None}}
        _, answer = served.pay(payer, "/served/a?size=5")
        assert answer.status == 200 and len(service.calls()) == 1, "the answer holds for a while"
        wait_until(lambda: any(line.get("rule") == "service" and line.get("price_note") == "quiet"
                               for line in served.process.events()), "line of the log")
        self.says(service, '{"cost": "$0.02"}')
        assert post(served, {"model": "x"}, "/served/b") == "30000"
        self.says(service, '{"price": "$5"}')
        assert asked(served, "/served/c") == "2000000", "the maximum holds"
        self.says(service, '{"price": "free"}')
        assert asked(served, "/served/d") == 200

    @pytest.mark.parametrize("text, status", [
        ('{"price": 0.02}', 200), ('{"price": "5 usdc@base"}', 200), ('{"price": "$0.02"}' + " " * 5000, 200),
        ('{"price": "$0.02"}', 201), ('{"price": "$0.02"}', 302)])
    def test_what_cannot_be_read_is_503(self, served, service, text, status):
        self.says(service, '{"price": "$0.01"}')
        assert asked(served, "/fresh/well") == "10000"
        self.says(service, text, status=status)
        answer = served.fetch("GET", "/fresh/a")
        assert answer.status == 503 and answer.json()["error"] == "price_unavailable", answer.body
        assert answer.first("retry-after") and not served.upstream.calls()

    def test_a_fallback_is_asked_where_it_fails_and_what_was_told_is_honoured(self, served, service, payer):
        self.says(service, '{"price": "$0.03"}')
        told = payer.pay(served.challenge("/else/a"))
        self.says(service, "out of order", status=500)
        assert asked(served, "/else/a") == "90000"
        dearer = payer.pay(served.challenge("/else/a"))
        self.says(service, '{"price": "$0.05"}')
        assert asked(served, "/else/a") == "50000"
        for payment in (told, dearer):
            assert served.fetch("GET", "/else/a", fields=payment.v2_fields()).status == 200
        other = payer.pay(served.challenge("/else/b"))
        self.says(service, '{"price": "$0.07"}')
        answer = served.fetch("GET", "/else/c", fields=other.v2_fields())
        assert answer.status == 402 and Challenge(answer).offers[0]["amount"] == "70000", "nobody told it that price"
