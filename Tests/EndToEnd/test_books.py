"""The books: checked, exported and, where no rail can tell, closed by the operator."""

import csv
import io
import json
import sqlite3
from decimal import Decimal

import pytest
from kit import farebox as program
from kit.payments import receipt_of
from kit.polling import wait_until
from kit.routes import route
from test_reconciliation import banked, bridge, payment, states  # noqa: F401

ROUTES = [route("GET /paid/*", "$0.001"), route("GET /dear/*", "$0.25")]


def ledger(site, command, *arguments):
    return program.run("ledger", command, *arguments, "--ledger", f"sqlite:{site.ledger_path}")


def audit(site, *arguments):
    result = ledger(site, "verify", "--json", *arguments)
    return result.returncode, json.loads(result.stdout), result.stderr


def balances(report):
    return {(line["network"], line.get("asset"), line["account"]): int(line["balance"]) for line in report["accounts"]}


def change(site, *statements):
    """Changes the file of a stopped site behind the program's back."""
    with sqlite3.connect(site.ledger_path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.fixture
def sold(make_site, make_payer):
    """A site that sold three things, for 252 000 units in all."""
    site = make_site(ROUTES)
    for target in ("/paid/a", "/paid/b", "/dear/c"):
        _, answer = site.pay(make_payer(), target)
        assert answer.status == 200
    wait_until(lambda: states(site) == [("settled", "delivered")] * 3, "deliveries in the ledger")
    return site


class TestVerify:
    def test_the_books_are_sound_beside_the_server_and_after_it(self, sold):
        for _ in range(2):
            code, report, notes = audit(sold)
            assert code == 0 and report["sound"] and report["problems"] == [] and notes == ""
            assert report["entries"] == 3 and report["payments"] == 3
            sums = {account: amount for (_, _, account), amount in balances(report).items()}
            assert sums == {"payer": 252_000, "revenue": -252_000}
            if sold.process.process.poll() is None:
                assert sold.stop() == 0

    def test_an_amount_that_was_changed_is_found(self, sold):
        assert sold.stop() == 0
        change(sold, "UPDATE journal SET amount = 1 WHERE id = 2")
        code, report, notes = audit(sold)
        assert code == 1 and not report["sound"] and report["problemCount"] == len(report["problems"]) == 2
        assert any("entry 2:" in problem for problem in report["problems"])
        assert "entry 2:" in notes

    def test_a_payment_that_was_made_settled_is_found(self, sold):
        assert sold.stop() == 0
        change(sold, "UPDATE payment SET value = 5 WHERE id = 3")
        code, report, _ = audit(sold)
        (problem,) = report["problems"]
        assert code == 1 and "nothing by its states, paid by the journal" in problem
        assert sold.rows()[0]["payment"] in problem

    def test_an_end_that_was_cut_off_is_found_with_the_head_that_was_kept(self, sold):
        assert sold.stop() == 0
        head = audit(sold)[1]["head"]
        assert audit(sold, "--head", head)[0] == 0
        change(sold, "DELETE FROM journal WHERE id = 3", "DELETE FROM payment WHERE id = 3")
        assert audit(sold)[0] == 0
        code, report, _ = audit(sold, "--head", head)
        assert code == 1 and "before the head 3" in report["problems"][0]

    def test_a_head_that_is_none_is_wrong_usage(self, sold):
        for head in ("3", "x:y", "3:0x12", ":"):
            assert ledger(sold, "verify", "--head", head).returncode == 2

    def test_no_ledger(self, tmp_path):
        result = program.run("ledger", "verify", "--ledger", f"sqlite:{tmp_path / 'none.db'}")
        assert result.returncode == 1 and not list(tmp_path.iterdir())


class TestExport:
    def test_payments_as_csv_are_the_list(self, sold):
        result = ledger(sold, "export")
        assert result.returncode == 0, result.stderr
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        listed = list(reversed(sold.rows()))
        assert [row["payment"] for row in rows] == [row["payment"] for row in listed]
        for row, original in zip(rows, listed):
            assert {key: value for key, value in row.items() if value} == {
                key: str(value) for key, value in original.items()}

    def test_payments_as_json_lines_are_the_list(self, sold):
        result = ledger(sold, "export", "--format", "jsonl")
        assert [json.loads(line) for line in result.stdout.splitlines()] == list(reversed(sold.rows()))

    def test_the_journal_has_debits_and_credits_of_one_sum(self, sold):
        result = ledger(sold, "export", "--journal")
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        assert [int(row["entry"]) for row in rows] == [1, 1, 2, 2, 3, 3]
        debit = sum(Decimal(row["debit"] or 0) for row in rows)
        assert debit == sum(Decimal(row["credit"] or 0) for row in rows) == 252_000
        assert {row["payment"] for row in rows} == {row["payment"] for row in sold.rows()}
        lines = ledger(sold, "export", "--journal", "--format", "jsonl").stdout.splitlines()
        assert [json.loads(line)["hash"] for line in lines] == [row["hash"] for row in rows]

    def test_more_than_a_page_comes_whole(self, sold):
        assert sold.stop() == 0
        copies = "INSERT INTO payment SELECT {id}, randomblob(32), " + ", ".join(
            "value service updated_at created_at terms amount payer target valid_before lease_until waiting_since redeliveries "
            "is_rewritten rail_transaction reason client_hash grant_hash body_length body_digest body_complete "
            "settlement charge".split()) + " FROM payment WHERE id = 1"
        change(sold, *(copies.format(id=number) for number in range(10, 2_200)))
        lines = ledger(sold, "export", "--format", "jsonl").stdout.splitlines()
        assert [json.loads(line)["row"] for line in lines] == [1, 2, 3, *range(10, 2_200)]

    def test_only_what_is_young_enough(self, sold):
        for extra in ([], ["--journal"]):
            assert len(ledger(sold, "export", *extra, "--since", "2999-01-01").stdout.splitlines()) == 1
            assert len(ledger(sold, "export", *extra, "--since", "2020-01-01T00:00:00Z").stdout.splitlines()) > 3
        assert ledger(sold, "export", "--since", "yesterday").returncode == 2
        assert ledger(sold, "export", "--format", "xml").returncode == 2


@pytest.fixture
def uncertain(make_site, bridge):  # noqa: F811
    """A payment whose settlement got no answer, on a bridge that must not be asked twice; the site, and how to pay again."""
    site = banked(make_site, bridge, idempotent=False)
    bridge.break_off("/settle", times=100)
    fields = payment(site)
    assert site.fetch("GET", "/paid", fields).json()["error"] == "settlement_pending"
    return site, fields


class TestResolve:
    def test_not_beside_a_server(self, uncertain):
        site, _ = uncertain
        result = ledger(site, "resolve", site.rows()[0]["payment"], "released", "--reason", "x")
        assert result.returncode == 1 and "another process" in result.stderr
        assert states(site) == [("uncertain", "unused")]

    def test_settled_serves_the_payment_that_waited(self, uncertain):
        site, fields = uncertain
        (row,) = site.rows()
        assert site.stop() == 0
        missing = ledger(site, "resolve", row["payment"], "settled", "--reason", "statement")
        assert missing.returncode == 1 and "--transaction" in missing.stderr
        done = ledger(site, "resolve", row["payment"], "settled", "--transaction", "bank-77", "--reason", "statement 4")
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert (shown["value"], shown["transaction"], shown["reason"]) == ("settled", "bank-77", "statement 4")
        again = ledger(site, "resolve", row["payment"], "released", "--reason", "x")
        assert again.returncode == 1 and "settled" in again.stderr
        assert audit(site)[0] == 0

        site.start()
        answer = site.fetch("GET", "/paid", fields)
        assert answer.status == 200 and receipt_of(answer)["transaction"] == "bank-77"
        assert len(site.upstream.calls()) == 1

    def test_released_lets_the_payer_try_again(self, uncertain, bridge):  # noqa: F811
        site, fields = uncertain
        (row,) = site.rows()
        assert site.stop() == 0
        assert ledger(site, "resolve", row["payment"].upper(), "released", "--reason", "never came").returncode == 0
        assert site.rows()[0]["reason"] == "never came"
        assert audit(site)[1]["entries"] == 0
        bridge.answer("/settle", {"success": True, "payer": "acct_payer", "transaction": "bank-1"})
        site.start()
        assert site.fetch("GET", "/paid", fields).status == 200
        assert audit(site)[1]["entries"] == 1

    def test_a_transaction_settles_one_payment(self, uncertain):
        site, _ = uncertain
        assert site.fetch("GET", "/paid", payment(site)).json()["error"] == "settlement_pending"
        first, second = site.rows()
        assert site.stop() == 0
        words = ("settled", "--transaction", "bank-1", "--reason", "x")
        assert ledger(site, "resolve", first["payment"], *words).returncode == 0
        taken = ledger(site, "resolve", second["payment"], *words)
        assert taken.returncode == 1 and "another payment" in taken.stderr

    def test_what_ran_is_written_off_and_a_debt_until_it_is_forgiven(self, make_site, bridge):  # noqa: F811
        site = banked(make_site, bridge, idempotent=False, settle="after")
        bridge.break_off("/settle", times=100)
        fields = payment(site)
        site.fetch("GET", "/paid", fields)
        (row,) = site.rows()
        assert site.stop() == 0
        assert json.loads(ledger(site, "debts").stdout) == []
        done = ledger(site, "resolve", row["payment"], "released", "--reason", "no funds")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["value"] == "written_off"
        (debt,) = json.loads(ledger(site, "debts").stdout)
        assert (debt["payment"], debt["payer"], debt["amount"]) == (row["payment"], "acct_payer", row["amount"])
        assert audit(site)[0] == 0

        forgiven = ledger(site, "forgive", "acct_payer")
        assert forgiven.returncode == 0 and json.loads(forgiven.stdout) == [debt]
        assert json.loads(ledger(site, "debts").stdout) == []
        assert ledger(site, "forgive", "acct_payer").returncode == 1
        assert site.rows()[0]["value"] == "written_off"

    def test_a_debtor_pays_first_until_it_is_forgiven(self, make_site, bridge):  # noqa: F811
        """The bridge takes every settlement and answers none: only who is trusted is served."""
        site = banked(make_site, bridge, idempotent=False, settle="after")
        bridge.break_off("/settle", times=100)
        assert site.fetch("GET", "/paid", payment(site)).status == 200
        (row,) = site.rows()
        assert site.stop() == 0
        assert ledger(site, "resolve", row["payment"], "released", "--reason", "no funds").returncode == 0

        site.start()
        refused = site.fetch("GET", "/paid", payment(site))
        assert refused.status == 402 and refused.json()["error"] == "settlement_pending"
        assert site.rows()[0]["timing"] == "before" and len(site.upstream.calls()) == 1
        assert site.stop() == 0
        assert ledger(site, "forgive", "acct_payer").returncode == 0

        site.start()
        assert site.fetch("GET", "/paid", payment(site)).status == 200
        assert site.rows()[0]["timing"] == "after" and len(site.upstream.calls()) == 2
        assert audit(site)[0] == 0

    def test_wrong_words(self, uncertain):
        site, _ = uncertain
        identity = site.rows()[0]["payment"]
        assert site.stop() == 0
        for arguments in (["released"], ["gone", "--reason", "x"], ["released", "--reason", ""],
                          ["released", "--reason", "x" * 501], ["released", "--reason", "x", "--transaction", "t"]):
            assert ledger(site, "resolve", identity, *arguments).returncode == 2, arguments
        assert ledger(site, "resolve", "00" * 16, "released", "--reason", "x").returncode == 1
        assert states(site) == [("uncertain", "unused")]
