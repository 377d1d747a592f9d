"""Money moves: the official client, the program and a real EVM, with the token's logs as the witness."""

import json

import pytest
from chain.contracts import NotToBeHad
from chain.rail import rpc_rail, signer_environment
from chain.tokens import CANONICAL, canonical_chain
from kit import farebox as program
from kit import official
from kit.payments import Payer
from kit.polling import wait_until
from kit.routes import PAY_TO, mock_rail, route

ROUTES = [
    route("GET /before/*", "$0.001"),
    route("GET /after/*", "$0.002", settle="after"),
    route("GET /batch/*", "$0.003", settle="batch"),
]


@pytest.fixture(params=sorted(CANONICAL))
def chain(request):
    try:
        node, token = canonical_chain(request.param)
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    yield token
    node.stop()


@pytest.fixture
def chain_site(chain, make_site):
    node = chain.node
    return make_site(
        ROUTES, env=signer_environment(node), adapters=[rpc_rail(node)],
        payments={"accepts": [chain.asset.catalogue_id], "batch": {"interval": "1s"}})


@pytest.mark.parametrize("session", [official.session, official.version_1_session], ids=["v2", "v1"])
def test_the_official_client_pays_and_the_money_moves(chain, chain_site, session):
    payer = Payer()
    chain.fund(payer)
    answer = session(payer).get(chain_site.process.url() + "/before/x")
    assert answer.status_code == 200, answer.text
    receipt = official.receipt(answer)
    assert receipt["success"] is True
    assert chain.transfers(payer.address) == [(payer.address, PAY_TO, 1000, receipt["transaction"])]
    assert chain_site.states_of(payer) == [("settled", "delivered")]


def test_under_after_the_money_moves_before_the_answer(chain, chain_site):
    payer = Payer()
    chain.fund(payer)
    for _ in range(3):  # What makes a payer known.
        assert official.session(payer).get(chain_site.process.url() + "/after/x").status_code == 200
    answer = official.session(payer).get(chain_site.process.url() + "/after/y")
    receipt = official.receipt(answer)
    assert (payer.address, PAY_TO, 2000, receipt["transaction"]) in chain.transfers(payer.address)


def test_under_batch_many_payments_share_a_transaction(chain, chain_site):
    payers = [Payer() for _ in range(5)]
    chain.fund(*payers)
    receipts = []
    for payer in payers:
        answer = official.session(payer).get(chain_site.process.url() + "/batch/x")
        assert answer.status_code == 200, answer.text
        receipts.append(official.receipt(answer))
    assert all(receipt["success"] and receipt["extra"]["settlement"] == "queued" for receipt in receipts)
    wait_until(lambda: len(chain.transfers(to=PAY_TO)) == 5, "the batch")
    transactions = {transfer[3] for transfer in chain.transfers(to=PAY_TO)}
    assert len(transactions) < 5, "some went together"
    for payer, receipt in zip(payers, receipts):
        assert chain_site.states_of(payer) == [("settled", "delivered")]
        status = chain_site.fetch("GET", "/.well-known/x402/payments/" + receipt["extra"]["payment"]).json()
        assert status["value"] == "settled" and status["transaction"] in transactions


def test_the_ledger_is_compared_with_the_chain(chain, chain_site):
    payer = Payer()
    chain.fund(payer)
    origin = chain_site.process.url()
    before = chain.node.snapshot()
    assert official.session(payer).get(origin + "/before/1").status_code == 200

    def reconcile():
        return program.run(
            "ledger", "reconcile", "--config", chain_site.file, "--ledger", f"sqlite:{chain_site.ledger_path}",
            env=signer_environment(chain.node))

    result = reconcile()
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["agreeing"] == 1
    chain.node.revert(before)
    result = reconcile()
    assert result.returncode == 1
    (drift,) = json.loads(result.stdout)["differing"]
    assert "does not have the transaction" in drift["reason"]


@pytest.mark.parametrize("chain", [84532], indirect=True)
def test_offers_of_a_rail_that_is_down_stand_back_while_another_is_up(chain, make_site):
    """Two chains are accepted; the node of the preferred one goes away, and comes back."""
    node = chain.node
    other = next(asset for chain_id, asset in CANONICAL.items() if chain_id != node.chain_id)
    site = make_site(
        ROUTES[:1], env=signer_environment(node),
        adapters=[rpc_rail(node), {**mock_rail(other), "id": "other"}],
        payments={"accepts": [chain.asset.catalogue_id, other.catalogue_id]})

    def networks():
        return [offer["network"] for offer in site.challenge("/before/x").offers]

    assert networks() == [chain.asset.network, other.network]
    payer = Payer()
    chain.fund(payer)
    node.fault({"method": "*", "kind": "http", "status": 503})
    for _ in range(6):
        site.fetch("GET", "/before/x", payer.pay(site.challenge("/before/x")).v2_fields())
    wait_until(lambda: networks() == [other.network], "the fallback")
    assert site.pay(payer, "/before/x")[1].status == 200
    node.heal()
    wait_until(lambda: networks() == [chain.asset.network, other.network], "the preferred chain again", timeout=30)
