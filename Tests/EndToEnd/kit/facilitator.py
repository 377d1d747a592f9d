"""Requests to the facilitator's API, by hand."""

import json

from .payments import BASE_SEPOLIA
from .routes import PAY_TO


def requirements(asset=BASE_SEPOLIA, amount=10_000, pay_to=PAY_TO, **changes):
    """One version 2 entry."""
    return {
        "scheme": "exact", "network": asset.network, "asset": asset.address, "amount": str(amount), "payTo": pay_to,
        "maxTimeoutSeconds": 60, "extra": {"name": asset.name, "version": asset.version},
    } | changes


def requirements_v1(asset=BASE_SEPOLIA, amount=10_000, pay_to=PAY_TO, **changes):
    """The same entry as version 1 writes it."""
    return {
        "scheme": "exact", "network": asset.v1_network, "maxAmountRequired": str(amount), "asset": asset.address,
        "resource": "https://seller.example/thing", "description": "", "mimeType": "", "payTo": pay_to,
        "maxTimeoutSeconds": 60, "extra": {"name": asset.name, "version": asset.version},
    } | changes


def body(payment, version=2, amount=None, **changes):
    """A `/verify` or `/settle` body for a signed payment."""
    amount = payment.value if amount is None else amount
    if version == 1:
        message, wanted = payment.v1(), requirements_v1(payment.asset, amount, payment.to)
    else:
        wanted = requirements(payment.asset, amount, payment.to)
        message = payment.v2(accepted=wanted)
    return {"x402Version": version, "paymentPayload": message, "paymentRequirements": wanted} | changes


def ask(site, path, content, role="facilitator", fields=None):
    """Posts and returns (status, parsed body)."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = site.process.fetch("POST", path, {"Content-Type": "application/json", **(fields or {})}, data, role=role)
    return answer.status, answer.json()
