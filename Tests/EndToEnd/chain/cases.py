"""Payments to be judged, each right or wrong in one thing: what two facilitators are asked about alike.

A case is a function of the stage and gives a body of `/verify`. Most make sense in both versions of the protocol.
"""

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

from eth_abi import encode
from kit.facilitator import body
from kit.payments import Asset, now
from kit.routes import OTHER_PAY_TO, PAY_TO

from .stage import PRICE
from .tokens import MULTICALL3

NOBODY_S_CODE = "0x000000000000000000000000000000000000dEaD"
FACTORY = "0xFacFaCFaCFACfAcFacFacFaCFAcFaCFAcfACFac1"
WRAPPER_MARK = "6492" * 16

CASES = {}


@dataclass(frozen=True)
class Case:
    name: str
    version: int
    make: Callable
    during: Callable

    @property
    def key(self):
        return f"v{self.version}: {self.name}"


@contextmanager
def as_it_is(_):
    yield


def case(name, versions=(1, 2), during=as_it_is):
    """Enters a function that makes (payment, changes of the body) out of the stage."""

    def enter(function):
        for version in versions:
            def make(stage, version=version):
                payment, *changes = function(stage)
                content = json.loads(json.dumps(body(payment, version, amount=PRICE)))
                for path, value in (changes[0] if changes else {}).items():
                    change(content, path, value)
                return content

            entry = Case(name, version, make, during)
            assert entry.key not in CASES, entry.key
            CASES[entry.key] = entry
        return function

    return enter


def change(content, path, value):
    """Sets what a dotted path names, or takes it out; `offer` and `message` stand for the two halves of the body."""
    names = path.replace("offer", "paymentRequirements").replace("message", "paymentPayload").split(".")
    for name in names[:-1]:
        content = content.setdefault(name, {})
    if value is REMOVED:
        content.pop(names[-1], None)
    else:
        content[names[-1]] = value


REMOVED = object()


def good(stage, payer=None, token=None, **changes):
    """A payment that nothing is wrong with but for `changes`."""
    token = token or stage.usdc
    return (payer or stage.rich).sign(token.asset, changes.pop("to", PAY_TO), changes.pop("value", PRICE), **changes)


def signed_by(function, stage):
    """The payment with another signature made of its own."""
    payment = good(stage)
    return payment.with_signature("0x" + function(bytes.fromhex(payment.signature[2:])).hex())


# Nothing is wrong.

@case("a good payment")
def _(stage):
    return good(stage),


@case("v of 0 or 1")
def _(stage):
    return signed_by(lambda raw: raw[:64] + bytes([raw[64] - 27]), stage),


@case("the recipient in lower case in the offer")
def _(stage):
    return good(stage), {"offer.payTo": PAY_TO.lower()}


@case("addresses in lower case in the authorization")
def _(stage):
    payment = good(stage)
    changed = {"message.payload.authorization.from": payment.sender.lower(),
               "message.payload.authorization.to": payment.to.lower()}
    return payment, changed


@case("the nonce in upper case")
def _(stage):
    payment = good(stage)
    return payment, {"message.payload.authorization.nonce": "0x" + payment.nonce[2:].upper()}


@case("valid since 1970")
def _(stage):
    return good(stage, valid_after=0),


@case("the whole balance")
def _(stage):
    return good(stage, stage.exact),


@case("further keys in extra")
def _(stage):
    return good(stage), {"offer.extra.note": "kept"}


@case("a signature without 0x")
def _(stage):
    payment = good(stage)
    return payment, {"message.payload.signature": payment.signature[2:]}


@case("valid for a year")
def _(stage):
    return good(stage, valid_before=now() + 365 * 86_400),


@case("good on the other token")
def _(stage):
    return good(stage, token=stage.token),


# The terms are others.

@case("a value below the price")
def _(stage):
    return good(stage, value=PRICE - 1),


@case("a value above the price")
def _(stage):
    return good(stage, value=PRICE + 1),


@case("another recipient")
def _(stage):
    return good(stage, to=OTHER_PAY_TO), {"offer.payTo": PAY_TO}


@case("accepted for another network", versions=[2])
def _(stage):
    return good(stage), {"message.accepted.network": "eip155:8453"}


@case("sent for another network", versions=[1])
def _(stage):
    return good(stage), {"message.network": "base"}


@case("accepted under another scheme", versions=[2])
def _(stage):
    return good(stage), {"message.accepted.scheme": "upto"}


@case("sent under another scheme", versions=[1])
def _(stage):
    return good(stage), {"message.scheme": "upto"}


@case("another scheme in the offer")
def _(stage):
    return good(stage), {"offer.scheme": "upto"}


@case("a network that no one serves", versions=[2])
def _(stage):
    return good(stage), {"offer.network": "eip155:31337", "message.accepted.network": "eip155:31337"}


@case("a network that no one serves", versions=[1])
def _(stage):
    return good(stage), {"offer.network": "polygon", "message.network": "polygon"}


@case("another amount accepted than offered", versions=[2])
def _(stage):
    return good(stage), {"message.accepted.amount": str(PRICE - 1)}


@case("another recipient accepted than offered", versions=[2])
def _(stage):
    return good(stage), {"message.accepted.payTo": OTHER_PAY_TO}


@case("an offer without the name of the domain")
def _(stage):
    return good(stage), {"offer.extra.name": REMOVED}


@case("an offer without the version of the domain")
def _(stage):
    return good(stage), {"offer.extra.version": REMOVED}


@case("an offer without extra")
def _(stage):
    return good(stage), {"offer.extra": REMOVED}


@case("an offer with another name of the domain")
def _(stage):
    return good(stage), {"offer.extra.name": "Else Coin"}


# The window.

@case("expired")
def _(stage):
    return good(stage, valid_before=now() - 1),


@case("expiring within three seconds")
def _(stage):
    return good(stage, valid_before=now() + 3),


@case("not valid for a minute yet")
def _(stage):
    return good(stage, valid_after=now() + 60, valid_before=now() + 120),


# The signature.

@case("signed for another chain")
def _(stage):
    return good(stage, domain={"chainId": 1}),


@case("signed for another contract")
def _(stage):
    return good(stage, domain={"verifyingContract": MULTICALL3}),


@case("signed under another name")
def _(stage):
    return good(stage, domain={"name": "USD Coin"}),


@case("signed under another version")
def _(stage):
    return good(stage, domain={"version": "1"}),


@case("signed by another key")
def _(stage):
    return good(stage, stage.poor, sender=stage.rich.address),


@case("another value than was signed")
def _(stage):
    return good(stage, value=PRICE - 1), {"message.payload.authorization.value": str(PRICE)}


@case("another nonce than was signed")
def _(stage):
    return good(stage), {"message.payload.authorization.nonce": "0x" + os.urandom(32).hex()}


@case("s in the upper half")
def _(stage):
    return good(stage).high_s(),


@case("v of 29")
def _(stage):
    return signed_by(lambda raw: raw[:64] + b"\x1d", stage),


@case("the other v")
def _(stage):
    return signed_by(lambda raw: raw[:64] + bytes([55 - raw[64]]), stage),


@case("the 64 bytes of EIP-2098")
def _(stage):
    def compact(raw):
        return raw[:32] + bytes([raw[32] | (raw[64] - 27) << 7]) + raw[33:64]

    return signed_by(compact, stage),


@case("r of zero")
def _(stage):
    return signed_by(lambda raw: bytes(32) + raw[32:], stage),


@case("66 bytes of signature")
def _(stage):
    return signed_by(lambda raw: raw + b"\0", stage),


@case("an empty signature")
def _(stage):
    return good(stage), {"message.payload.signature": "0x"}


@case("no signature")
def _(stage):
    return good(stage), {"message.payload.signature": REMOVED}


@case("a signature that is no hex")
def _(stage):
    return good(stage), {"message.payload.signature": "0x" + "zz" * 65}


# The authorization's form.

@case("a nonce of 31 bytes")
def _(stage):
    return good(stage), {"message.payload.authorization.nonce": "0x" + "11" * 31}


@case("a nonce of 33 bytes")
def _(stage):
    return good(stage), {"message.payload.authorization.nonce": "0x" + "11" * 33}


@case("a value in hex")
def _(stage):
    return good(stage), {"message.payload.authorization.value": hex(PRICE)}


@case("a value with a sign")
def _(stage):
    return good(stage), {"message.payload.authorization.value": f"+{PRICE}"}


@case("a payer that is no address")
def _(stage):
    return good(stage), {"message.payload.authorization.from": "0x1234"}


@case("no authorization")
def _(stage):
    return good(stage), {"message.payload.authorization": REMOVED}


# The chain.

@case("a payer without money")
def _(stage):
    return good(stage, stage.poor),


@case("a balance one unit short")
def _(stage):
    return good(stage, stage.short),


@case("an authorization that was used")
def _(stage):
    return stage.used,


@case("an authorization that was canceled")
def _(stage):
    return stage.canceled,


@contextmanager
def paused(stage):
    stage.usdc.pause()
    yield
    stage.usdc.unpause()


@case("a paused token", during=paused)
def _(stage):
    return good(stage),


def listed(address_of):
    @contextmanager
    def during(stage):
        stage.usdc.blacklist(address_of(stage))
        yield
        stage.usdc.unblacklist(address_of(stage))

    return during


@case("a payer on the token's blacklist", during=listed(lambda stage: stage.rich.address))
def _(stage):
    return good(stage),


@case("a recipient on the token's blacklist", during=listed(lambda _: PAY_TO))
def _(stage):
    return good(stage),


def elsewhere(stage, address):
    """A payment in a token that is none."""
    asset = Asset("none", stage.node.chain_id, address, "None", "base-sepolia")
    return stage.rich.sign(asset, PAY_TO, PRICE)


@case("an asset without code")
def _(stage):
    return elsewhere(stage, NOBODY_S_CODE),


@case("an asset that is no token")
def _(stage):
    return elsewhere(stage, MULTICALL3),


# Wallets.

@case("a contract wallet")
def _(stage):
    return good(stage, stage.honest, stage.token),


@case("a contract wallet with a long signature")
def _(stage):
    payment = good(stage, stage.honest, stage.token)
    return payment.with_signature(payment.signature + "ab" * 100),


@case("a contract wallet on a token that knows none")
def _(stage):
    payment = good(stage, stage.honest)
    return payment.with_signature(payment.signature + "ab" * 100),


@case("a contract wallet that refuses")
def _(stage):
    return good(stage, stage.refusing, stage.token),


@case("a contract wallet that burns all gas")
def _(stage):
    payment = good(stage, stage.burning, stage.token)
    return payment.with_signature(payment.signature + "00"),


@case("a contract wallet with another's signature")
def _(stage):
    payment = good(stage, stage.poor, stage.token, sender=stage.honest.address)
    return payment.with_signature(payment.signature + "00"),


@case("an account that delegated to a wallet's code")
def _(stage):
    payment = good(stage, stage.delegated, stage.token)
    return payment.with_signature(payment.signature + "00"),


@case("a wallet that is yet to be created, by a factory that nobody allowed")
def _(stage):
    payment = good(stage, sender=NOBODY_S_CODE)
    inner = bytes.fromhex(payment.signature[2:])
    wrapped = encode(["address", "bytes", "bytes"], [FACTORY, b"\x01\x02\x03\x04", inner])
    return payment.with_signature("0x" + wrapped.hex() + WRAPPER_MARK),
