"""Route files as Python values, written out as TOML."""

import copy
import json

from .payments import ARBITRUM, BASE, BASE_SEPOLIA

PAY_TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
OTHER_PAY_TO = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
PUBLIC_URL = "https://api.example.com"


def mock_rail(asset):
    """An adapter that checks signatures and replays for real and moves no value."""
    return {
        "kind": "evm", "id": f"mock-{asset.chain_id}", "scheme": "exact", "networks": [asset.network],
        "backend": {"type": "mock"},
    }


def route(match, price, upstream="api", **keys):
    return {"match": match, "upstream": upstream, **({} if price is None else {"price": price}), **keys}


def config(upstream_url, ledger_path, routes, **tables):
    """A whole file: one upstream `api`, mock rails for three networks, and `routes`; `tables` are merged over it."""
    file = {
        "server": {"listen": "127.0.0.1:0", "public_url": PUBLIC_URL},
        "ledger": {"url": f"sqlite:{ledger_path}"},
        "payments": {"pay_to": PAY_TO, "accepts": [BASE_SEPOLIA.catalogue_id], "settle": "before"},
        "upstreams": [{"name": "api", "url": upstream_url}],
        "routes": list(routes),
        "adapters": [mock_rail(asset) for asset in (BASE_SEPOLIA, BASE, ARBITRUM)],
    }
    for name, value in tables.items():
        if isinstance(value, dict) and isinstance(file.get(name), dict):
            file[name] = file[name] | value
        else:
            file[name] = value
    return copy.deepcopy(file)


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(_value(item) for item in value) + "]"


def toml(file):
    """TOML text: scalar keys first, then `[table]`, then `[[array]]`; deeper tables inline."""
    lines = [f"{key} = {_value(value)}" for key, value in file.items() if not isinstance(value, (dict, list))]
    for name, table in file.items():
        for header, body in [(f"[{name}]", table)] if isinstance(table, dict) else [
            (f"[[{name}]]", item) for item in (table if isinstance(table, list) else [])
        ]:
            lines += ["", header] + [f"{key} = {_value(value)}" for key, value in body.items()]
    return "\n".join(lines) + "\n"
