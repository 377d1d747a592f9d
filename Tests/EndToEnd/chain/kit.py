"""A node's process as a test holds it: started, asked, bent, stopped; and accounts that send transactions."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from eth_account import Account

from .accounts import KEYS
from .calls import checksummed

TIMEOUT = 30
GAS = 6_000_000
MAX_FEE = 10**9
TIP = 10**6


class Refused(Exception):
    """An error that the node answered."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")


class ChainNode:
    """A chain of its own on a port of its own."""

    def __init__(self, chain_id=84532, mine="auto", alloc=None, **options):
        self.chain_id = chain_id
        command = [sys.executable, "-m", "chain.node", "--chain-id", str(chain_id), "--mine", mine]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            if alloc:
                json.dump(alloc, file)
                file.flush()
                command += ["--alloc", file.name]
            self.process = subprocess.Popen(
                command, cwd=Path(__file__).resolve().parents[1], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                text=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
            line = self.process.stdout.readline()
        assert line.startswith("READY "), f"the node ended with {self.process.poll()}"
        self.urls = line.split()[1:]
        self.url = self.urls[0]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def post(self, content, timeout=TIMEOUT, listener=0):
        """One HTTP exchange; returns the parsed body."""
        request = urllib.request.Request(
            self.urls[listener], json.dumps(content).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)

    def ask(self, method, *parameters, timeout=TIMEOUT, listener=0):
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        answer = self.post(call, timeout, listener)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    # What a test looks at.

    def number(self, method, *parameters):
        return int(self.ask(method, *parameters), 16)

    def height(self):
        return self.number("eth_blockNumber")

    def timestamp(self):
        return int(self.ask("eth_getBlockByNumber", "latest")["timestamp"], 16)

    def nonce(self, address, tag="latest"):
        return self.number("eth_getTransactionCount", address, tag)

    def coins(self, address):
        return self.number("eth_getBalance", address, "latest")

    def call(self, to, data, sender=None):
        """Returns the hex that a call returns."""
        request = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
        return self.ask("eth_call", request, "latest")

    def receipt(self, transaction):
        return self.ask("eth_getTransactionReceipt", transaction)

    def transaction(self, transaction):
        return self.ask("eth_getTransactionByHash", transaction)

    def logs(self, address=None, topics=(), first=0, last="latest"):
        wanted = {"fromBlock": hex(first), "toBlock": last, "topics": list(topics)}
        return self.ask("eth_getLogs", wanted | ({"address": address} if address else {}))

    def pool(self):
        """The hashes of what waits, by sender and nonce, addresses in lower case."""
        content = self.ask("txpool_content")
        return {(sender, int(nonce)): found for sender, queue in content.items() for nonce, found in queue.items()}

    def exchanges(self, listener=0):
        """The methods of each HTTP exchange since the last look, without those of the kit that bend the node."""
        return self.ask("dev_log", listener=listener)

    # What a test does to it.

    def mine(self, blocks=1):
        return int(self.ask("evm_mine", blocks), 16)

    def automine(self, on):
        self.ask("evm_setAutomine", on)

    @contextmanager
    def one_block(self):
        """Mines everything that is sent inside in one block at its end.

        Each block is at least a second after its parent: a block per transaction of the preparations would carry the
        chain's time ahead of the clock by as many seconds, and authorizations would expire early.
        """
        self.automine(False)
        yield
        self.mine()
        self.automine(True)

    def advance(self, seconds):
        self.ask("evm_increaseTime", seconds)

    def snapshot(self):
        return self.ask("evm_snapshot")

    def revert(self, snapshot):
        assert self.ask("evm_revert", snapshot), f"no snapshot {snapshot}"

    def reorganise(self, depth, requeue=True, empty=True, blocks=None):
        """Replaces the newest blocks; see DevNet.reorganise."""
        return self.ask("anvil_reorg", depth, requeue, empty, blocks)

    def drop(self, transaction):
        assert self.ask("anvil_dropTransaction", transaction), f"{transaction} is not in the pool"

    def hold(self, transaction):
        self.ask("dev_hold", transaction)

    def release(self, transaction):
        self.ask("dev_release", transaction)

    def fault(self, *rules, listener=0):
        """Puts these rules in force at a listener, and no others; see chain/faults.py."""
        self.ask("dev_faults", list(rules), listener=listener)

    def heal(self):
        for listener in range(len(self.urls)):
            self.fault(listener=listener)

    def account(self, index=0):
        """One of the ten accounts that hold coins."""
        return Sender(self, KEYS[index])


class Sender:
    """An account that signs and sends transactions."""

    def __init__(self, node, key):
        self.node = node
        self.account = Account.from_key(key)
        self.address = self.account.address
        self.key = "0x" + bytes(self.account.key).hex()

    def sign(self, to, data=b"", *, nonce=None, gas=GAS, max_fee=MAX_FEE, tip=TIP, value=0, chain_id=None):
        """Returns (raw transaction, hash); without `nonce` it is the next one that is free."""
        fields = {
            "type": 2, "chainId": chain_id or self.node.chain_id, "gas": gas, "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": tip, "value": value, "data": data,
            "nonce": self.node.nonce(self.address, "pending") if nonce is None else nonce,
        }
        if to is not None:
            fields["to"] = checksummed(to)
        signed = self.account.sign_transaction(fields)
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()

    def send(self, to, data=b"", **options):
        """Sends and returns the hash."""
        raw, expected = self.sign(to, data, **options)
        assert self.node.ask("eth_sendRawTransaction", raw) == expected
        return expected

    def transact(self, to, data=b"", **options):
        """Sends where each transaction is mined at once; returns the receipt of a success."""
        receipt = self.try_transact(to, data, **options)
        assert receipt["status"] == "0x1", f"{self.address} → {to}: reverted"
        return receipt

    def try_transact(self, to, data=b"", **options):
        """The same, whatever the status."""
        transaction = self.send(to, data, **options)
        receipt = self.node.receipt(transaction)
        assert receipt, f"{transaction} is not mined"
        return receipt

    def deploy(self, code, arguments=b"", **options):
        """Puts a contract on the chain; returns its address."""
        receipt = self.transact(None, bytes.fromhex(code.removeprefix("0x")) + arguments, **options)
        return checksummed(receipt["contractAddress"])
