"""`farebox contract deploy`, and batches through what it deployed."""

import json

from chain.rail import SIGNER, rpc_rail, signer_environment
from kit import farebox as program
from kit import official
from kit.payments import Payer
from kit.polling import wait_until
from kit.routes import PAY_TO, route

ROUTES = [route("GET /batch/*", "$0.003", settle="batch")]


def deploy(site, node, *arguments):
    return program.run("contract", "deploy", "--config", site.file, *arguments, env=signer_environment(node))


def configure(make_site, token, **keys):
    return make_site(
        ROUTES, env=signer_environment(token.node), adapters=[rpc_rail(token.node, **keys)], start=False,
        payments={"accepts": [token.asset.catalogue_id], "batch": {"interval": "2s"}})


def test_the_contract_is_deployed_once_said_where_and_settles_batches(make_site, token):
    site = configure(make_site, token)
    said = deploy(site, token.node, "--dry-run")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["signer"] == token.node.account(SIGNER).address
    assert token.node.nonce(token.node.account(SIGNER).address) == 0, "a dry run sends nothing"

    said = deploy(site, token.node)
    assert said.returncode == 0, said.stderr
    contract = json.loads(said.stdout)["address"]
    assert len(token.node.ask("eth_getCode", contract, "latest")) > 1000

    site = configure(make_site, token, batch_contract=contract)
    site.start(env=signer_environment(token.node))
    payers = [Payer() for _ in range(4)]
    token.fund(*payers)
    for payer in payers:
        assert official.session(payer).get(site.process.url() + "/batch/x").status_code == 200
    wait_until(lambda: len(token.transfers(to=PAY_TO)) == 4, "the batch")
    together = [transfer[3] for transfer in token.transfers(to=PAY_TO)]
    assert len(set(together)) < 4
    shared = max(set(together), key=together.count)
    assert token.node.transaction(shared)["to"].lower() == contract.lower(), "it went through our contract"


def test_a_contract_that_is_not_there_is_told_at_the_start(make_site, token):
    site = configure(make_site, token, batch_contract="0x" + "12" * 20)
    result = program.run("serve", "--config", site.file, env=signer_environment(token.node), timeout=30)
    assert result.returncode == 1 and "batch_contract" in result.stderr


def test_without_an_adapter_that_has_nodes_there_is_nothing_to_deploy_to(make_site):
    site = make_site(ROUTES[:0] + [route("GET /x", "$0.001")], start=False)
    result = program.run("contract", "deploy", "--config", site.file)
    assert result.returncode == 1 and "rpc_url" in result.stderr
