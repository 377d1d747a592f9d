"""Shadow mode: prices are recorded and nobody is asked, until the file says so; `farebox ledger report` adds up."""

import json

import pytest
from kit import farebox as program
from kit.payments import Challenge
from kit.routes import route, toml
from kit.upstream import Answer

KEY = "sk-live-very-secret"


def file_routes(mode):
    by_model = {
        "default": "$0.01",
        "rules": [{"name": "large", "when": {"body.model": "large*"}, "price": "$0.05"}],
    }
    return [
        route("GET /plain/*", "$0.001", mode=mode),
        route("POST /models", by_model, mode=mode),
        route("GET /keyed/*", "$0.002", mode=mode, free={"requests": 1, "per": "365d", "by": "header:X-API-Key"}),
        route("GET /earnest/*", "$0.003"),
    ]


@pytest.fixture(scope="module")
def site(module_site):
    return module_site(file_routes("shadow"))


def report(site, *arguments):
    result = program.run("ledger", "report", "--ledger", f"sqlite:{site.ledger_path}", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def revenue(row):
    return sum(int(part["amount"]) for part in row["revenue"])


def test_everything_is_priced_and_nothing_refused_until_the_file_asks(site, payer):
    site.upstream.answers["/plain/gone"] = Answer(status=404, body=b"gone")
    assert [site.fetch("GET", "/plain/a").status for _ in range(3)] == [200] * 3
    assert site.fetch("GET", "/plain/gone").status == 404
    assert site.fetch("GET", "/plain/a", {"X-PAYMENT": "junk"}).status == 200
    json_type = {"Content-Type": "application/json"}
    for body in (b'{"model":"large-1"}', b'{"model":"small"}', b"no json"):
        assert site.fetch("POST", "/models", json_type, body=body).status == 200
        assert site.upstream.calls("/models")[-1].body == body
    for _ in range(3):
        assert site.fetch("GET", "/keyed/a", {"X-API-Key": KEY}).status == 200
    # One in earnest beside them.
    _, answer = site.pay(payer, "/earnest/a")
    assert answer.status == 200

    assert site.process.stop() == 0
    rows = {(row["mode"], row["route"]): row for row in report(site)}
    plain = rows["shadow", "GET /plain/*"]
    assert (plain["requests"], plain["unpaid"], plain["refused"], plain["charged"]) == (5, 4, 1, 3)
    assert revenue(plain) == 3000
    models = rows["shadow", "POST /models"]
    assert (models["unpaid"], models["unpriced"], revenue(models)) == (2, 1, 60_000)
    keyed = rows["shadow", "GET /keyed/*"]
    assert (keyed["free"], keyed["unpaid"], revenue(keyed)) == (1, 2, 4000)
    earnest = rows["taken", "GET /earnest/*"]
    assert (earnest["paid"], earnest["charged"], revenue(earnest)) == (1, 1, 3000)
    assert len(rows) == 4

    clients = {row["client"] for row in report(site, "--by", "client") if row["route"] == "GET /keyed/*"}
    assert len(clients) == 1 and clients.pop().lower().startswith("x-api-key ")
    assert KEY.encode() not in site.ledger_path.read_bytes()
    assert report(site, "--since", "2100-01-01") == []

    site.config["routes"] = file_routes("enforce")
    site.file.write_text(toml(site.config))
    site.start()
    assert Challenge(site.fetch("GET", "/plain/a")).offers[0]["amount"] == "1000"


def test_the_file_says_what_is_in_shadow_mode(site):
    site.config["routes"] = file_routes("shadow")
    site.file.write_text(toml(site.config))
    checked = program.run("check", "--config", site.file)
    assert checked.returncode == 0 and "nobody is asked to pay" in checked.stdout + checked.stderr
    priced = program.run("price", "--config", site.file, "--json", "GET", "/plain/a")
    assert json.loads(priced.stdout)["mode"] == "shadow"
