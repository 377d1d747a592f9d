"""What is committed of the batching contract: `python -m chain.artifact` writes it, a test compares it."""

import hashlib
import json

import vyper

from .contracts import ROOT, compile_source

FOLDER = ROOT / "contracts"
SOURCE = FOLDER / "FareboxBatch.vy"
ARTIFACT = FOLDER / "FareboxBatch.json"
SWIFT = ROOT / "Sources" / "EVM" / "BatchContract+Bytecode.swift"
DIGITS_PER_LINE = 110

ITEM = {"from": "address", "to": "address", "value": "uint256", "validAfter": "uint256", "validBefore": "uint256",
        "nonce": "bytes32", "v": "uint8", "r": "bytes32", "s": "bytes32"}
TOKEN = {"name": "token", "type": "address"}
GAS_CAP = {"name": "gasCap", "type": "uint256"}


def entry(name, *inputs):
    return {"type": "function", "name": name, "stateMutability": "nonpayable", "inputs": list(inputs),
            "outputs": [{"name": "settled", "type": "uint256"}]}


def tuples(members):
    components = [{"name": name, "type": kind} for name, kind in members.items()]
    return {"name": "payments", "type": "tuple[]", "components": components}


# The functions that the contract dispatches by hand, of which the compiler does not know.
BY_HAND = [
    entry("batchExecute", tuples({"token": "address"} | ITEM)),
    entry("batchExecuteToken", TOKEN, GAS_CAP, tuples(ITEM)),
]


def built():
    """The artifact as the source gives it now."""
    source = SOURCE.read_text()
    output = compile_source(source)
    abi = BY_HAND + [each for each in output["abi"] if each["type"] != "fallback"]
    return {
        "contract": "FareboxBatch", "compiler": f"vyper {vyper.__version__}",
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(), "abi": abi,
        "bytecode": output["bytecode"], "bytecode_runtime": output["bytecode_runtime"],
    }


def committed():
    return json.loads(ARTIFACT.read_text())


def swift(bytecode):
    digits = bytecode.removeprefix("0x")
    lines = [digits[start:start + DIGITS_PER_LINE] for start in range(0, len(digits), DIGITS_PER_LINE)]
    return "\n".join([
        "// Written by dev/build-contract.",
        "",
        "extension BatchContract {",
        "    /// What deploys the contract, in hex: its creation bytecode, without arguments.",
        '    static let creationCodeHex = """',
        *(f"        {line}\\" for line in lines[:-1]), f"        {lines[-1]}",
        '        """',
        "}",
        "",
    ])


def main():
    artifact = built()
    ARTIFACT.write_text(json.dumps(artifact, indent=2) + "\n")
    SWIFT.write_text(swift(artifact["bytecode"]))
    print(f"{ARTIFACT.relative_to(ROOT)}, {SWIFT.relative_to(ROOT)}: {len(artifact['bytecode']) // 2 - 1} bytes")


if __name__ == "__main__":
    main()
