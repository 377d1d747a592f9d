"""The official Python facilitator on a test's chain: the peer that ours is compared with."""

from dataclasses import dataclass

from x402 import x402FacilitatorSync
from x402.mechanisms.evm.exact.register import register_exact_evm_facilitator
from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
from x402.schemas import PaymentPayload, PaymentPayloadV1, PaymentRequirements, PaymentRequirementsV1

SIGNER = 2  # The node's account that it pays gas with.
RECEIPT_SECONDS = 3


@dataclass(frozen=True)
class Verdict:
    """What a facilitator says of a payment: a reason, or none for a good one; an error is neither."""

    valid: bool
    reason: str | None = None

    @classmethod
    def of(cls, answer):
        """Reads an answer of `/verify`."""
        return cls(answer["isValid"], answer.get("invalidReason"))

    def __str__(self):
        return "valid" if self.valid else self.reason or "invalid"


class OfficialFacilitator:
    """Version 2.25 of the SDK, configured as its manual says."""

    def __init__(self, node):
        signer = FacilitatorWeb3Signer(
            node.account(SIGNER).key, node.url, confirmation_timeout_seconds=RECEIPT_SECONDS)
        self.facilitator = x402FacilitatorSync()
        register_exact_evm_facilitator(self.facilitator, signer, networks=f"eip155:{node.chain_id}")

    @staticmethod
    def _models(content):
        kinds = (PaymentPayloadV1, PaymentRequirementsV1) if content["x402Version"] == 1 else (
            PaymentPayload, PaymentRequirements)
        parts = (content["paymentPayload"], content["paymentRequirements"])
        return [kind.model_validate(part) for kind, part in zip(kinds, parts)]

    def verify(self, content):
        """Its verdict on a body of `/verify`; what it raises instead is a reason of its own."""
        try:
            answer = self.facilitator.verify(*self._models(content))
        except Exception as error:
            return Verdict(False, f"raises {type(error).__name__}")
        return Verdict(answer.is_valid, answer.invalid_reason)

    def settle(self, content):
        return self.facilitator.settle(*self._models(content))
