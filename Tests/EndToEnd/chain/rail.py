"""The file's words for a rail on a test's chain."""

SIGNER = 1  # The node's account that pays for gas; account 0 owns the tokens.
SIGNER_VARIABLE = "EVM_SIGNER_PRIVATE_KEY"


def rpc_rail(node, id="chain", **keys):
    """An adapter that settles on the node."""
    return {
        "kind": "evm", "id": id, "networks": [f"eip155:{node.chain_id}"], "rpc_url": node.url,
        "signer_key_env": SIGNER_VARIABLE, **keys,
    }


def signer_environment(node, *accounts):
    """The environment with the key, or keys, of the node's accounts."""
    keys = [node.account(index).key for index in accounts or (SIGNER,)]
    return {SIGNER_VARIABLE: ",".join(keys)}
