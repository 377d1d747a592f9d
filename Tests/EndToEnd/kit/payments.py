"""Payments signed by hand, in every wire form, so that a test can be wrong about exactly one thing."""

import base64
import json
import os
import time
from dataclasses import dataclass, field, replace

from eth_account import Account
from eth_account.messages import encode_typed_data

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True)
class Asset:
    """A token with ERC-3009 on one network; `v1_network` is None where version 1 of x402 has no name for it."""

    catalogue_id: str
    chain_id: int
    address: str
    name: str
    v1_network: str | None
    version: str = "2"

    @property
    def network(self):
        return f"eip155:{self.chain_id}"


BASE = Asset("usdc@base", 8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin", "base")
BASE_SEPOLIA = Asset(
    "usdc@base-sepolia", 84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC", "base-sepolia"
)
ARBITRUM = Asset("usdc@arbitrum", 42161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin", None)

TRANSFER = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]


def now():
    return int(time.time())


def encode(value, *, urlsafe=False, padding=True, separators=(",", ":"), sort_keys=False, indent=None):
    """A header value: base64 of JSON, in any of the spellings that mean the same."""
    text = json.dumps(value, separators=None if indent else separators, sort_keys=sort_keys, indent=indent)
    encoder = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    encoded = encoder(text.encode()).decode()
    return encoded if padding else encoded.rstrip("=")


def decode(header):
    return json.loads(base64.b64decode(header, validate=True))


@dataclass(frozen=True)
class Payment:
    """A signed ERC-3009 authorization and what a client would say beside it."""

    asset: Asset
    sender: str
    to: str
    value: int
    valid_after: int
    valid_before: int
    nonce: str
    signature: str
    accepted: dict = field(default_factory=dict)
    resource: dict | None = None

    @property
    def authorization(self):
        return {
            "from": self.sender,
            "to": self.to,
            "value": str(self.value),
            "validAfter": str(self.valid_after),
            "validBefore": str(self.valid_before),
            "nonce": self.nonce,
        }

    @property
    def payload(self):
        return {"signature": self.signature, "authorization": self.authorization}

    def v2(self, **changes):
        message = {"x402Version": 2, "payload": self.payload, "accepted": self.accepted}
        if self.resource is not None:
            message["resource"] = self.resource
        return message | changes

    def v1(self, **changes):
        network = self.asset.v1_network or self.asset.network
        return {"x402Version": 1, "scheme": "exact", "network": network, "payload": self.payload} | changes

    def plain(self, **changes):
        named = {"chain": self.asset.network, "asset": self.asset.address}
        return {**self.authorization, "signature": self.signature, **named} | changes

    def v2_fields(self):
        return {"PAYMENT-SIGNATURE": encode(self.v2())}

    def v1_fields(self):
        return {"X-PAYMENT": encode(self.v1())}

    def plain_fields(self):
        return {"X-Payment": json.dumps(self.plain(), separators=(",", ":"))}

    def fields(self, form):
        return {"v2": self.v2_fields, "v1": self.v1_fields, "plain": self.plain_fields}[form]()

    def with_signature(self, signature):
        return replace(self, signature=signature)

    def high_s(self):
        """The same signature with s mirrored: it recovers to the same key, and contracts refuse it."""
        raw = bytes.fromhex(self.signature[2:])
        s, v = ORDER - int.from_bytes(raw[32:64], "big"), 55 - raw[64]
        return self.with_signature("0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([v])).hex())


class Payer:
    """A fresh key that signs payments."""

    def __init__(self, key=None):
        self.account = Account.from_key(key) if key else Account.create()
        self.address = self.account.address
        self.key = self.account.key.hex()

    def sign(self, asset, to, value, *, valid_after=None, valid_before=None, nonce=None, accepted=None, resource=None,
             domain=None, sender=None):
        """Signs a transfer; `domain` replaces parts of the EIP-712 domain, `sender` is a wallet that the key signs for."""
        sender = sender or self.address
        message = {
            "from": sender,
            "to": to,
            "value": value,
            "validAfter": now() - 600 if valid_after is None else valid_after,
            "validBefore": now() + 60 if valid_before is None else valid_before,
            "nonce": nonce or "0x" + os.urandom(32).hex(),
        }
        named = {"name": asset.name, "version": asset.version, "chainId": asset.chain_id,
                 "verifyingContract": asset.address} | (domain or {})
        signable = encode_typed_data(
            domain_data=named, message_types={"TransferWithAuthorization": TRANSFER},
            message_data=message | {"nonce": bytes.fromhex(message["nonce"][2:])})
        signature = "0x" + self.account.sign_message(signable).signature.hex()
        if accepted is None:
            accepted = {"scheme": "exact", "network": asset.network, "asset": asset.address, "amount": str(value),
                        "payTo": to, "maxTimeoutSeconds": 60,
                        "extra": {"name": asset.name, "version": asset.version}}
        return Payment(asset, sender, to, value, message["validAfter"], message["validBefore"],
                       message["nonce"], signature, accepted, resource)

    def pay(self, challenge, index=0, **changes):
        """Signs what a 402 asks for, as an honest client would but for `changes`."""
        offer = challenge.offers[index]
        asset = ASSETS[offer["network"]]
        arguments = {"to": offer["payTo"], "value": int(offer["amount"]), "accepted": offer,
                     "resource": challenge.resource, "valid_before": now() + offer["maxTimeoutSeconds"]} | changes
        return self.sign(arguments.pop("asset", asset), arguments.pop("to"), arguments.pop("value"), **arguments)


ASSETS = {asset.network: asset for asset in (BASE, BASE_SEPOLIA, ARBITRUM)}


class Challenge:
    """What a 402 says, in all three forms."""

    def __init__(self, response):
        assert response.status == 402, f"not a 402: {response.status} {response.body[:300]!r}"
        headers = response.all("PAYMENT-REQUIRED")
        assert len(headers) == 1, f"{len(headers)} PAYMENT-REQUIRED fields"
        self.response = response
        self.v2 = decode(headers[0])
        self.offers = self.v2["accepts"]
        self.resource = self.v2.get("resource")
        self.error = self.v2.get("error")
        self.v1 = response.json() if response.body else {}
        self.plain = response.first("X-Payment-Required")

    def plain_members(self):
        """The members of the RFC 8941 dictionary; strings lose their quotes, integers become numbers."""
        members = {}
        for part in self.plain.split(", "):
            key, _, value = part.partition("=")
            members[key] = value[1:-1] if value.startswith('"') else int(value)
        return members


def receipt_of(response):
    """The receipt of an answer, whichever of the two fields carries it."""
    for name in ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"):
        if value := response.first(name):
            return decode(value)
    return None
