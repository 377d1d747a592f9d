"""The node's process: `python -m chain.node` prints `READY` and the URL of each listener when they listen."""

import argparse
import json
import os
import threading
import time

from eth_keys import keys

from .accounts import KEYS, STARTING_BALANCE
from .devnet import DevNet
from .encoding import as_bytes, as_number
from .faults import Faults
from .methods import Methods
from .server import NodeServer

PARENT_CHECK_SECONDS = 1


def arguments():
    parser = argparse.ArgumentParser(prog="chain.node", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the first listener")
    parser.add_argument("--listeners", type=int, default=1, help="URLs of the one chain, each with faults of its own")
    parser.add_argument("--chain-id", type=int, default=84532)
    parser.add_argument("--mine", default="auto", help="auto, manual or interval:SECONDS")
    parser.add_argument("--gas-limit", type=int, default=60_000_000)
    parser.add_argument("--base-fee", type=int, default=10**7, help="of the first block, in wei")
    parser.add_argument("--least-tip", type=int, default=0, help="in wei; less is refused as underpriced")
    parser.add_argument("--alloc", help="a JSON file: address → {code, balance, nonce, storage}")
    return parser.parse_args()


def allocation(path):
    """The state at genesis: the known keys hold coins, and what the file says."""
    accounts = {
        keys.PrivateKey(key).public_key.to_canonical_address(): account(balance=STARTING_BALANCE) for key in KEYS
    }
    if path:
        with open(path) as file:
            accounts |= {as_bytes(address): account(**given) for address, given in json.load(file).items()}
    return accounts


def account(balance=0, nonce=None, code=None, storage=None):
    return {
        "balance": as_number(balance), "code": as_bytes(code),
        "nonce": as_number(nonce if nonce is not None else 1 if code else 0),
        "storage": {as_number(slot): as_number(value) for slot, value in (storage or {}).items()},
    }


def end_with(parent):
    """Ends the process when the test that started it is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(0)


def main():
    given = arguments()
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    net = DevNet(given.chain_id, allocation(given.alloc), given.gas_limit, given.base_fee, given.mine, given.least_tip)
    ports = [given.port] + [0] * (given.listeners - 1)
    servers = [NodeServer(port, Methods(net), Faults()) for port in ports]
    print("READY", *(f"http://127.0.0.1:{server.server_address[1]}" for server in servers), flush=True)
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
