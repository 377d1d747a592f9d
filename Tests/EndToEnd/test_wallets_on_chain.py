"""Payers that are contracts: wallets that stand, wallets that are yet to be created, and accounts that delegated."""

import pytest
from chain import contracts
from chain.kit import ChainNode
from chain.rail import rpc_rail, signer_environment
from chain.shop import BEFORE, PRICES, served
from chain.stage import DELEGATED_KEY, delegated_genesis
from chain.tokens import MULTICALL3, UndeployedWallet, Wallet, vyper_token
from kit.payments import Payer, now
from kit.routes import PAY_TO, route


# A chain without an entry in the catalogue: what is settled on it is what the file names.
OWN_CHAIN = 31337


@pytest.fixture(scope="module")
def node():
    """With Multicall3, through which a wallet is created and pays in one transaction."""
    try:
        multicall = {MULTICALL3: {"code": contracts.multicall3()}}
    except contracts.NotToBeHad as reason:
        pytest.skip(str(reason))
    node = ChainNode(OWN_CHAIN, alloc=delegated_genesis() | multicall)
    yield node
    node.stop()


@pytest.fixture
def token(node):
    return vyper_token(node)


@pytest.fixture
def make_wallet_site(token, make_site):
    def make(token=token, **rail):
        asset = token.asset
        return make_site(
            [route("GET /before/*", "$0.001")], env=signer_environment(token.node),
            adapters=[rpc_rail(token.node, **rail)], payments={"accepts": [asset.catalogue_id]},
            assets=[{"id": asset.catalogue_id, "network": asset.network, "address": asset.address, "decimals": 6,
                     "name": asset.name, "version": asset.version, "peg": "usd"}])

    return make


def sign(site, token, wallet):
    offer = site.challenge(BEFORE).offers[0]
    return wallet.sign(token.asset, offer["payTo"], int(offer["amount"]), accepted=offer,
                       valid_before=now() + offer["maxTimeoutSeconds"])


def present(site, payment):
    return site.fetch("GET", BEFORE, payment.v2_fields())


def paid(token, payer):
    return [each[:3] for each in token.transfers(payer.address)] == [(payer.address, PAY_TO, PRICES[BEFORE])]


def test_a_wallet_that_stands_pays(make_wallet_site, token):
    site, wallet = make_wallet_site(), Wallet(token.node, Payer())
    token.fund(wallet)
    assert served(present(site, sign(site, token, wallet))) and paid(token, wallet)


@pytest.mark.parametrize("mood", ["refusing", "burning"])
def test_a_wallet_that_does_not_agree_is_refused_before_it_costs_anything(make_wallet_site, token, mood):
    site, wallet = make_wallet_site(), Wallet(token.node, Payer())
    token.fund(wallet)
    wallet.set_mood(mood)
    nonce = token.node.nonce(token.node.account(1).address)
    answer = present(site, sign(site, token, wallet))
    assert answer.status == 402 and not site.upstream.calls() and not token.transfers(wallet.address)
    assert token.node.nonce(token.node.account(1).address) == nonce, "nothing was sent"


def test_a_delegated_account_pays_by_its_code_s_word(make_wallet_site, token):
    site, payer = make_wallet_site(), Payer(DELEGATED_KEY)
    token.fund(payer)
    assert served(present(site, sign(site, token, payer))) and paid(token, payer)


def test_a_wallet_is_created_by_a_factory_that_the_file_names(make_wallet_site, token):
    wallet = UndeployedWallet(token.node, Payer())
    site = make_wallet_site(wallet_factories=[wallet.factory])
    token.fund(wallet)
    assert not wallet.exists
    assert served(present(site, sign(site, token, wallet)))
    assert wallet.exists and wallet.factory_calls() == 1 and paid(token, wallet)
    again = sign(site, token, wallet)
    assert served(present(site, again)) and wallet.factory_calls() == 1, "a wallet that stands is not created again"


def test_no_other_factory_is_ever_called(make_wallet_site, token):
    allowed, other = (UndeployedWallet(token.node, Payer()) for _ in range(2))
    site = make_wallet_site(wallet_factories=[allowed.factory])
    token.fund(other)
    answer = present(site, sign(site, token, other))
    assert answer.status == 402 and answer.json()["error"] == "eip6492_factory_not_allowed"
    assert other.factory_calls() == 0 and not other.exists and not site.upstream.calls()


def test_a_wallet_without_money_is_not_created(make_wallet_site, token):
    wallet = UndeployedWallet(token.node, Payer())
    site = make_wallet_site(wallet_factories=[wallet.factory])
    answer = present(site, sign(site, token, wallet))
    assert answer.status == 402 and not wallet.exists and wallet.factory_calls() == 0


def test_on_a_chain_without_multicall3_no_wallet_is_created(make_wallet_site):
    """A call to an address without code succeeds there, and does nothing: no verdict may rest on it."""
    node = ChainNode(OWN_CHAIN)
    try:
        bare, wallet = vyper_token(node), UndeployedWallet(node, Payer())
        site = make_wallet_site(bare, wallet_factories=[wallet.factory])
        bare.fund(wallet)
        answer = present(site, sign(site, bare, wallet))
        assert answer.status == 402 and not site.upstream.calls()
        assert node.nonce(node.account(1).address) == 0, "nothing was sent"
    finally:
        node.stop()
