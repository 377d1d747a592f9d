"""Contracts to put on the chain: compiled here, or taken from pinned wheels of the package registry."""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

from eth_utils import keccak

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[2]
CACHE = ROOT / ".cache"
WHEELS = FOLDER / "wheels.txt"

# Of the runtime bytecode, so that a changed wheel is noticed whatever its hash says.
FIAT_TOKEN_KECCAK = "f12640ab"
MULTICALL_KECCAK = "d5c15df6"


class NotToBeHad(Exception):
    """A wheel that cannot be downloaded; tests that need it are skipped with this reason."""


def compiled(name, folder=FOLDER / "contracts"):
    """ABI and bytecodes of a Vyper contract; compiled once per content of its source."""
    source = (folder / f"{name}.vy").read_text()
    kept = CACHE / f"contract-{name}-{hashlib.sha256(source.encode()).hexdigest()[:16]}.json"
    if not kept.exists():
        keep(kept, compile_source(source))
    return json.loads(kept.read_text())


def compile_source(source):
    from vyper.compiler import compile_code

    return compile_code(source, output_formats=["abi", "bytecode", "bytecode_runtime", "blueprint_bytecode"])


def keep(path, value):
    """Writes a file of the cache so that a second process never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{hashlib.sha256(repr(value).encode()).hexdigest()[:8]}.part")
    unfinished.write_text(json.dumps(value))
    unfinished.replace(path)


def wheel_file(package, path):
    """The text of one file of a pinned wheel, which is downloaded once and never installed."""
    found = sorted((CACHE / "wheels").glob(f"{package}-*.whl")) or download(package)
    with zipfile.ZipFile(found[0]) as wheel:
        return wheel.read(path).decode()


def download(package):
    folder = CACHE / "wheels"
    result = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary", ":all:", "--require-hashes", "--requirement", WHEELS, "--dest", folder],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    found = sorted(folder.glob(f"{package}-*.whl"))
    if result.returncode or not found:
        raise NotToBeHad(f"the wheel of {package}: {result.stderr.strip().splitlines()[-1:] or 'not downloaded'}")
    return found


def extracted(name, make):
    """A small piece of a wheel, kept beside it so that the wheel is opened once."""
    kept = CACHE / f"{name}-{hashlib.sha256(WHEELS.read_bytes()).hexdigest()[:16]}.json"
    if not kept.exists():
        keep(kept, make())
    return json.loads(kept.read_text())


@cache
def circle_token():
    """Circle's FiatTokenV2_1 as Circle compiled it: creation and runtime bytecode."""
    return _circle("FiatTokenV2_1")


@cache
def circle_proxy():
    """The proxy that the real USDC stands behind."""
    return _circle("FiatTokenProxy")


def _circle(name):
    def take():
        artifact = json.loads(wheel_file("web3_ethereum_defi", f"eth_defi/abi/centre/{name}.json"))
        return {"bytecode": artifact["bytecode"], "bytecode_runtime": artifact["deployedBytecode"]}

    artifact = extracted(name, take)
    if name == "FiatTokenV2_1":
        check(artifact["bytecode_runtime"], FIAT_TOKEN_KECCAK)
    return artifact


@cache
def multicall3():
    """The runtime bytecode of Multicall3."""
    def take():
        source = wheel_file("multicall", "multicall/constants.py")
        return re.search(r'MULTICALL3_BYTECODE\b[^"]*"(0x[0-9a-f]+)"', source)[1]

    code = extracted("Multicall3", take)
    check(code, MULTICALL_KECCAK)
    return code


def check(code, beginning):
    found = keccak(bytes.fromhex(code.removeprefix("0x"))).hex()
    assert found.startswith(beginning), f"bytecode with keccak {found}, not {beginning}…"
