"""The command: what it prints to a pipe, and how it ends."""

import json
import os

import pytest
from kit import farebox as program
from kit.payments import Payer
from kit.routes import route, toml
from kit.upstream import Answer, Upstream

ROUTES = [route("GET,POST /paid/*", "$0.001"), route("GET /dear", "$0.50"), route("GET /free/*", "free")]


@pytest.fixture
def key():
    return {"FAREBOX_PAYER_KEY": Payer().key}


def pay(site, target, *arguments, env, **keywords):
    return program.run("pay", *arguments, site.process.url() + target, env=env, **keywords)


class TestDemo:
    def test_it_shows_the_whole_story(self):
        result = program.run("demo")
        assert result.returncode == 0, result.stderr
        for word in ("402", "200", "PAYMENT", "settled", "delivered"):
            assert word.lower() in (result.stdout + result.stderr).lower(), word

    def test_it_leaves_nothing_behind(self, tmp_path):
        assert program.run("demo", cwd=tmp_path).returncode == 0
        assert not list(tmp_path.iterdir())


class TestPay:
    def test_it_pays_and_prints_the_body(self, make_site, key):
        site = make_site(ROUTES)
        site.upstream.answers["/paid/a"] = Answer(body=b"the thing that was paid for\n")
        result = pay(site, "/paid/a", env=key)
        assert result.returncode == 0, result.stderr
        assert result.stdout == "the thing that was paid for\n"
        assert len(site.upstream.calls()) == 1

    @pytest.mark.parametrize("form", ["v2", "v1", "plain"])
    def test_it_pays_in_every_form(self, make_site, key, form):
        site = make_site(ROUTES)
        result = pay(site, "/paid/a", "--json", "--form", form, env=key)
        assert result.returncode == 0, result.stderr
        report = json.loads(result.stdout)
        assert report["exit"] == 0 and report["status"] == 200 and report["outcome"] == "delivered"
        assert report["payment"]["form"] == form and report["payment"]["amount"] == "1000"
        assert report["receipt"]["success"] is True

    def test_it_sends_method_fields_and_body(self, make_site, key):
        site = make_site(ROUTES)
        result = pay(site, "/paid/a", "-X", "POST", "-H", "X-Custom: 1", "-d", '{"q":1}', env=key)
        assert result.returncode == 0, result.stderr
        (call,) = site.upstream.calls()
        assert (call.method, call.first("x-custom"), call.body) == ("POST", "1", b'{"q":1}')

    def test_it_refuses_what_costs_more_than_the_limit(self, make_site, key):
        site = make_site(ROUTES)
        result = pay(site, "/dear", "--max", "$0.10", env=key)
        assert result.returncode == 3 and "0.5" in result.stderr
        assert not site.upstream.calls() and site.rows() == []
        assert pay(site, "/dear", "--max", "$0.50", env=key).returncode == 0

    def test_a_dry_run_signs_nothing(self, make_site, key):
        site = make_site(ROUTES)
        result = pay(site, "/paid/a", "--dry-run", env=key)
        assert result.returncode == 0, result.stderr
        assert site.rows() == [] and not site.upstream.calls()

    def test_a_free_answer_needs_no_key(self, make_site):
        site = make_site(ROUTES)
        assert pay(site, "/free/a", env={}).returncode == 0

    def test_without_a_key_it_says_so(self, make_site):
        site = make_site(ROUTES)
        result = pay(site, "/paid/a", env={})
        assert result.returncode != 0 and "FAREBOX_PAYER_KEY" in result.stderr
        assert not site.upstream.calls()

    def test_it_never_prints_its_key(self, make_site, key):
        site = make_site(ROUTES)
        secret = key["FAREBOX_PAYER_KEY"].lower()
        for result in (pay(site, "/paid/a", "--json", "-i", env=key),
                       pay(site, "/paid/a", env={"FAREBOX_PAYER_KEY": secret + "00"})):
            assert secret not in (result.stdout + result.stderr).lower()

    def test_nobody_there(self, key):
        upstream = Upstream(start_serving=False)
        result = program.run("pay", upstream.url + "/x", env=key)
        assert result.returncode == 5 and result.stdout == ""

    def test_an_error_of_the_server(self, make_site, key):
        site = make_site(ROUTES)
        assert pay(site, "/nowhere", env=key).returncode == 1

    def test_paid_and_not_delivered(self, make_site, key):
        site = make_site(ROUTES)
        site.upstream.answers["/paid/a"] = Answer(status=500, body=b"broken")
        result = pay(site, "/paid/a", "--json", env=key)
        assert result.returncode == 7, result.stderr
        report = json.loads(result.stdout)
        assert report["outcome"] == "undelivered" and report["grant"]


class TestCheck:
    def test_a_good_file(self, make_site):
        site = make_site(ROUTES, start=False)
        assert program.run("check", "--config", site.file).returncode == 0

    def test_the_example_is_good(self):
        example = os.path.join(os.path.dirname(__file__), "..", "..", "routes.example.toml")
        result = program.run("check", "--config", example, env={
            "BANK_BRIDGE_API_KEY": "x", "FAREBOX_API_KEYS": "x", "EVM_SIGNER_PRIVATE_KEY": "0x" + "11" * 32})
        assert result.returncode == 0, result.stdout + result.stderr

    def test_every_mistake_at_once_with_line_key_reason_and_nearest_name(self, make_site):
        site = make_site(ROUTES, start=False)
        site.config["routes"][0]["pric"] = "1"
        site.config["routes"][1]["price"] = "five dollars"
        site.config["routes"][2]["upstream"] = "apu"
        site.config["payments"]["settle"] = "befor"
        site.config["server"]["listen"] = "nowhere"
        text = toml(site.config)
        site.file.write_text(text)
        result = program.run("check", "--config", site.file)
        assert result.returncode == 1
        said = result.stdout + result.stderr
        lines = text.splitlines()
        for wrong, nearest in (("pric =", "price"), ("five dollars", None), ("apu", "api"), ("befor", "before"), ("nowhere", None)):
            number = next(n for n, line in enumerate(lines, 1) if wrong in line)
            about = [line for line in said.splitlines() if f":{number}:" in line or f'"line":{number}' in line.replace(" ", "")]
            assert about or f'"line":{number}' in said.replace(" ", ""), (wrong, number, said)
            if nearest:
                assert nearest in said

    def test_a_file_that_is_not_there(self, tmp_path):
        assert program.run("check", "--config", tmp_path / "none.toml").returncode != 0

    def test_a_file_that_is_not_toml(self, tmp_path):
        broken = tmp_path / "broken.toml"
        broken.write_text("[server\nlisten = 1\n")
        result = program.run("check", "--config", broken)
        assert result.returncode == 1 and "broken.toml" in result.stdout + result.stderr

    def test_a_secret_in_the_file_is_a_mistake(self, make_site):
        site = make_site(ROUTES, start=False)
        site.config["adapters"][0]["backend"]["api_key"] = "sk-secret"
        site.file.write_text(toml(site.config))
        result = program.run("check", "--config", site.file)
        assert result.returncode == 1 and "sk-secret" not in result.stdout + result.stderr


class TestPrice:
    @pytest.mark.parametrize("method, target, wanted", [
        ("GET", "/paid/a?x=1", ["1000", "GET,POST /paid/*"]), ("HEAD", "/PAID/a/", ["1000"]),
        ("GET", "https://api.example.com/dear", ["500000"]), ("GET", "/free/x", ["free"]),
    ])
    def test_what_a_request_would_cost_and_why(self, make_site, method, target, wanted):
        site = make_site(ROUTES, start=False)
        result = program.run("price", "--config", site.file, method, target)
        assert result.returncode == 0, result.stderr
        said = json.dumps(json.loads(result.stdout))
        assert all(word in said for word in wanted), said

    def test_what_is_not_served(self, make_site):
        site = make_site(ROUTES, start=False)
        for method, target in (("GET", "/nowhere"), ("DELETE", "/dear"), ("GET", "/paid/../dear")):
            result = program.run("price", "--config", site.file, method, target)
            assert result.returncode != 0 or any(code in result.stdout for code in ("404", "405", "400")), result.stdout


class TestLedger:
    def test_list_and_show(self, make_site, payer):
        site = make_site(ROUTES)
        site.pay(payer, "/paid/a")
        site.upstream.answers["/paid/b"] = Answer(status=500)
        site.pay(payer, "/paid/b")
        rows = site.rows()
        assert [(row["value"], row["service"]) for row in rows] == [("settled", "undelivered"), ("settled", "delivered")]
        assert len(site.rows("--service", "undelivered")) == 1 and site.rows("--value", "owed") == []
        place = f"sqlite:{site.ledger_path}"
        shown = program.run("ledger", "show", rows[0]["payment"], "--ledger", place)
        assert shown.returncode == 0 and json.loads(shown.stdout)["payment"] == rows[0]["payment"]
        assert program.run("ledger", "show", "00" * 16, "--ledger", place).returncode == 1

    def test_no_ledger(self, tmp_path):
        result = program.run("ledger", "list", "--ledger", f"sqlite:{tmp_path / 'none.db'}")
        assert result.returncode == 1 and "none.db" in result.stderr
        assert not list(tmp_path.iterdir()), "looking makes no file"


@pytest.mark.parametrize("command", [[], ["demo"], ["serve"], ["facilitator"], ["check"], ["price"], ["pay"], ["ledger"],
                                     ["ledger", "list"], ["ledger", "show"], ["ledger", "verify"], ["ledger", "export"],
                                     ["ledger", "resolve"], ["ledger", "debts"], ["ledger", "forgive"]])
def test_every_command_explains_itself(command):
    result = program.run(*command, "--help")
    assert result.returncode == 0 and "farebox" in result.stdout and len(result.stdout) > 200


@pytest.mark.parametrize("command", [["pay"], ["price"], ["nothing"], ["ledger", "list", "--value", "gone"], ["demo", "--what"]])
def test_wrong_usage_is_2(command):
    assert program.run(*command).returncode == 2
