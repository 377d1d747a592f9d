"""Ours and the official Python facilitator judge the same payments on the same chain, and say the same of them.

What the official one says is recorded in `chain/official-verdicts.json`; where ours differs, and why, is in
`chain/differences.py`.
"""

import json
from pathlib import Path

import pytest
from chain.cases import CASES
from chain.contracts import NotToBeHad
from chain.differences import OF_ONE_VERSION, SHARED, difference
from chain.peer import OfficialFacilitator, Verdict
from chain.rail import rpc_rail, signer_environment
from chain.stage import Stage
from kit.facilitator import ask
from kit.routes import route
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync
from x402.schemas import PaymentPayload, PaymentRequirements

RECORDED = Path(__file__).parent / "chain" / "official-verdicts.json"


def recorded():
    return json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def stage():
    try:
        stage = Stage()
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    yield stage
    stage.stop()


@pytest.fixture(scope="module")
def official(stage):
    return OfficialFacilitator(stage.node)


@pytest.fixture(scope="module")
def ours(stage, module_site):
    """Our facilitator, for USDC and the other token of the stage."""
    asset = stage.token.asset
    return module_site(
        [route("GET /x", "$0.01")], env=signer_environment(stage.node), adapters=[rpc_rail(stage.node)],
        facilitator={"listen": "127.0.0.1:0"}, assets=[{
            "id": asset.catalogue_id, "network": asset.network, "address": asset.address, "decimals": 6,
            "name": asset.name, "version": asset.version, "peg": "usd"}])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_recorded_verdict_is_the_official_facilitator_s(stage, official, case):
    with case.during(stage):
        assert str(official.verify(case.make(stage))) == recorded()[case.key]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_our_verdict_is_the_official_one_or_argued(stage, ours, case):
    with case.during(stage):
        status, answer = ask(ours, "/verify", case.make(stage))
    assert status == 200, answer
    argued = difference(case)
    expected = argued.ours if argued else recorded()[case.key]
    assert str(Verdict.of(answer)) == expected, argued and argued.why


def test_every_difference_is_one():
    """An entry that no longer differs, or names no case, must go."""
    names = {case.name for case in CASES.values()}
    assert set(SHARED) <= names and set(OF_ONE_VERSION) <= set(CASES)
    for key, case in CASES.items():
        argued = difference(case)
        assert argued is None or argued.ours != recorded()[key], key


def test_nothing_is_recorded_that_is_not_asked():
    assert set(recorded()) == set(CASES) and len(CASES) >= 80


def test_a_payment_that_ours_takes_and_theirs_refuses_can_be_settled(stage, ours):
    """A lenient verdict is right only if the chain agrees with it."""
    lenient = [case for case in CASES.values() if difference(case) and difference(case).ours == "valid"]
    assert lenient
    for case in lenient:
        before = stage.usdc.balance(case.make(stage)["paymentRequirements"]["payTo"])
        status, receipt = ask(ours, "/settle", case.make(stage))
        assert status == 200 and receipt["success"] is True, (case.key, receipt)
        after = stage.usdc.balance(case.make(stage)["paymentRequirements"]["payTo"])
        assert after - before == 10_000, case.key


@pytest.mark.parametrize("key", ["v2: a good payment", "v2: a contract wallet with a long signature",
                                 "v2: an account that delegated to a wallet's code"])
def test_the_official_client_settles_through_ours(stage, ours, key):
    content = CASES[key].make(stage)
    payload = PaymentPayload.model_validate(content["paymentPayload"])
    wanted = PaymentRequirements.model_validate(content["paymentRequirements"])
    with HTTPFacilitatorClientSync(FacilitatorConfig(url=ours.process.url("facilitator"))) as client:
        assert client.verify(payload, wanted).is_valid is True
        receipt = client.settle(payload, wanted)
        assert receipt.success is True and receipt.network == wanted.network
    token = stage.usdc if wanted.asset == stage.usdc.address else stage.token
    payer = content["paymentPayload"]["payload"]["authorization"]["from"]
    assert (payer, wanted.pay_to, 10_000, receipt.transaction) in token.transfers(payer)


def record():
    """Writes anew what the official facilitator says: `python test_verdicts.py`."""
    stage = Stage()
    try:
        official, verdicts = OfficialFacilitator(stage.node), {}
        for key, case in CASES.items():
            with case.during(stage):
                verdicts[key] = str(official.verify(case.make(stage)))
    finally:
        stage.stop()
    RECORDED.write_text(json.dumps(verdicts, indent=1) + "\n")


if __name__ == "__main__":
    record()
