"""A signature is public once it is settled: whoever rebuilds the header from the chain must not get what another paid for."""

import pytest
from kit.routes import route
from kit.upstream import Answer

ROUTES = [route("GET,POST /before/*", "$0.001"), route("GET /after/*", "$0.001", settle="after")]
PAYER_AT, THIEF_AT = "127.0.0.2", "127.0.0.3"


@pytest.fixture
def undelivered(make_site, payer):
    """A site with one payment that was settled and not delivered, its grant, and a healthy upstream from now on."""
    site = make_site(ROUTES)
    site.upstream.answers["/before/a"] = Answer(status=500)
    payment = payer.pay(site.challenge("/before/a"))
    answer = site.fetch("GET", "/before/a", payment.v2_fields(), source=PAYER_AT)
    assert answer.status == 500 and answer.first("payment-grant")
    site.upstream.reset()
    return site, payment, answer.first("payment-grant")


@pytest.mark.parametrize("form", ["v2", "v1", "plain"])
def test_a_rebuilt_header_opens_nothing(undelivered, payer, form):
    site, payment, _ = undelivered
    for fields in ({}, {"Payment-Grant": ""}, {"Payment-Grant": "guess"}, {"Payment-Grant": "0" * 64},
                   {"X-Forwarded-For": PAYER_AT}, {"Forwarded": f"for={PAYER_AT}"}, {"X-Real-IP": PAYER_AT}):
        answer = site.fetch("GET", "/before/a", payment.fields(form) | fields, source=THIEF_AT)
        assert answer.status in (402, 409), (fields, answer.status)
    assert not site.upstream.calls()
    assert site.states_of(payer) == [("settled", "undelivered")]


def test_the_token_opens_it_from_anywhere(undelivered):
    site, payment, grant = undelivered
    answer = site.fetch("GET", "/before/a", payment.v2_fields() | {"Payment-Grant": grant}, source=THIEF_AT)
    assert answer.status == 200
    assert "payment-grant" not in site.upstream.calls()[0].names()


def test_the_payers_address_opens_it_without_a_token(undelivered):
    site, payment, _ = undelivered
    assert site.fetch("GET", "/before/a", payment.v2_fields(), source=PAYER_AT).status == 200


def test_the_thiefs_tries_take_nothing_from_the_payer(undelivered):
    site, payment, grant = undelivered
    for _ in range(10):
        site.fetch("GET", "/before/a", payment.v2_fields(), source=THIEF_AT)
    assert site.fetch("GET", "/before/a", payment.v2_fields() | {"Payment-Grant": grant}, source=PAYER_AT).status == 200


def test_a_token_is_good_for_its_own_payment_only(undelivered, make_payer):
    site, _, grant = undelivered
    other = make_payer()
    site.upstream.answers["/before/b"] = Answer(status=500)
    payment = other.pay(site.challenge("/before/b"))
    site.fetch("GET", "/before/b", payment.v2_fields(), source=PAYER_AT)
    site.upstream.reset()
    answer = site.fetch("GET", "/before/b", payment.v2_fields() | {"Payment-Grant": grant}, source=THIEF_AT)
    assert answer.status in (402, 409) and not site.upstream.calls()


def test_a_token_is_not_kept_in_the_clear(undelivered):
    site, _, grant = undelivered
    stored = b"".join(path.read_bytes() for path in site.folder.glob(site.ledger_path.name + "*"))
    assert grant.encode() not in stored and grant not in site.process.output()
