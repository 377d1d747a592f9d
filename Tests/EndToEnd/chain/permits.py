"""Permit2 and the proxies of x402 on a test's chain, at their own addresses, and payments by them."""

import os
from dataclasses import dataclass, field, replace

from eth_account.messages import encode_typed_data
from kit.payments import encode, now

from . import contracts
from .calls import call_data, returned
from .kit import Sender

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
EXACT_PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001"
UPTO_PROXY = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"

EXACT_CALL = "settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes)"
UPTO_CALL = "settle(((address,uint256),uint256,uint256),uint256,address,(address,address,uint256),bytes)"

EVERYTHING = 2**256 - 1
COINS_FOR_GAS = 10**17


def permit_genesis(but=()):
    """The runtime code of the three contracts, but for those that a chain shall lack."""
    names = {PERMIT2: "TestPermit2", EXACT_PROXY: "TestExactProxy", UPTO_PROXY: "TestUptoProxy"}
    return {address: {"code": contracts.compiled(name)["bytecode_runtime"]}
            for address, name in names.items() if address not in but}


@dataclass(frozen=True)
class Permit:
    """A signed permit and what a client would say beside it."""

    scheme: str
    network: str
    sender: str
    token: str
    amount: int
    spender: str
    nonce: int
    deadline: int
    to: str
    facilitator: str | None
    valid_after: int
    signature: str
    accepted: dict = field(default_factory=dict)

    @property
    def payload(self):
        witness = {"to": self.to, "validAfter": str(self.valid_after)}
        if self.facilitator:
            witness["facilitator"] = self.facilitator
        return {"signature": self.signature, "permit2Authorization": {
            "from": self.sender, "permitted": {"token": self.token, "amount": str(self.amount)},
            "spender": self.spender, "nonce": str(self.nonce), "deadline": str(self.deadline), "witness": witness}}

    def v2(self, **changes):
        return {"x402Version": 2, "payload": self.payload, "accepted": self.accepted} | changes

    def v2_fields(self):
        return {"PAYMENT-SIGNATURE": encode(self.v2())}

    def with_signature(self, signature):
        return replace(self, signature=signature)

    def body(self, amount=None, **changes):
        """A body of `/verify`, or of `/settle` for an amount."""
        wanted = self.accepted | ({} if amount is None else {"amount": str(amount)}) | changes
        return {"x402Version": 2, "paymentPayload": self.v2(), "paymentRequirements": wanted}

    def settle_data(self, amount=None):
        """The call that moves the money, by hand."""
        permit = ((self.token, self.amount), self.nonce, self.deadline)
        signature = bytes.fromhex(self.signature[2:])
        if self.facilitator:
            witness = (self.to, self.facilitator, self.valid_after)
            return call_data(UPTO_CALL, permit, amount or self.amount, self.sender, witness, signature)
        return call_data(EXACT_CALL, permit, self.sender, (self.to, self.valid_after), signature)

    def is_used(self, node):
        bitmap = call_data("nonceBitmap(address,uint256)", self.sender, self.nonce >> 8)
        return returned(["uint256"], node.call(PERMIT2, bitmap)) >> (self.nonce & 255) & 1 == 1


def offer_of(asset, scheme, amount, to, facilitator=None):
    """One version 2 entry, as a server that knows Permit2 makes it."""
    extra = {"name": asset.name, "version": asset.version, "assetTransferMethod": "permit2"}
    if facilitator:
        extra["facilitatorAddress"] = facilitator
    return {"scheme": scheme, "network": asset.network, "asset": asset.address, "amount": str(amount), "payTo": to,
            "maxTimeoutSeconds": 60, "extra": extra}


def sign(payer, offer, *, sender=None, chain_id=None, verifying_contract=PERMIT2, signed=None, **changes):
    """Signs what an offer asks for, but for `changes` of the message; `signed` are changes of what is signed alone."""
    named = {
        "token": offer["asset"], "amount": int(offer["amount"]), "to": offer["payTo"], "valid_after": 0,
        "nonce": int.from_bytes(os.urandom(32), "big"), "deadline": now() + offer["maxTimeoutSeconds"],
        "spender": UPTO_PROXY if offer["scheme"] == "upto" else EXACT_PROXY,
        "facilitator": offer["extra"].get("facilitatorAddress"),
    } | changes
    message = named | (signed or {})
    witness = [{"name": "to", "type": "address"}, {"name": "validAfter", "type": "uint256"}]
    witnessed = {"to": message["to"], "validAfter": message["valid_after"]}
    if message["facilitator"]:
        witness.insert(1, {"name": "facilitator", "type": "address"})
        witnessed["facilitator"] = message["facilitator"]
    signable = encode_typed_data(full_message={
        "domain": {"name": "Permit2", "chainId": chain_id or int(offer["network"].split(":")[1]),
                   "verifyingContract": verifying_contract},
        "types": {
            "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"},
                             {"name": "verifyingContract", "type": "address"}],
            "PermitWitnessTransferFrom": [
                {"name": "permitted", "type": "TokenPermissions"}, {"name": "spender", "type": "address"},
                {"name": "nonce", "type": "uint256"}, {"name": "deadline", "type": "uint256"},
                {"name": "witness", "type": "Witness"}],
            "TokenPermissions": [{"name": "token", "type": "address"}, {"name": "amount", "type": "uint256"}],
            "Witness": witness},
        "primaryType": "PermitWitnessTransferFrom",
        "message": {"permitted": {"token": message["token"], "amount": message["amount"]},
                    "spender": message["spender"], "nonce": message["nonce"], "deadline": message["deadline"],
                    "witness": witnessed}})
    signature = "0x" + payer.account.sign_message(signable).signature.hex()
    return Permit(offer["scheme"], offer["network"], sender or payer.address, signature=signature, accepted=offer,
                  **named)


def approve(token, *payers, amount=EVERYTHING):
    """Lets Permit2 spend for each payer, as a payer does once; all in one block, after one with coins for gas."""
    node = token.node
    with node.one_block():
        for payer in payers:
            node.account().send(payer.address, value=COINS_FOR_GAS)
    with node.one_block():
        for payer in payers:
            Sender(node, payer.account.key).send(
                token.address, call_data("approve(address,uint256)", PERMIT2, amount))


def cancel(node, payer, permit):
    """Takes a permit's nonce out of use, as its owner may."""
    data = call_data("invalidateUnorderedNonces(uint256,uint256)", permit.nonce >> 8, 1 << (permit.nonce & 255))
    return Sender(node, payer.account.key).transact(PERMIT2, data)
