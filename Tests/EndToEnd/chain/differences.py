"""Where our verdict is not the official facilitator's, and why: by the name of a case, for both versions or one.

Each entry is (our verdict, the reason why). What is not listed must be the same, down to the code.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    ours: str
    why: str


STRICT = "what is not of the specified form is refused as a whole, before anything is judged"
FOREIGN = "only what the file names is settled, and this is none of its networks or assets"
MATCHING = "what the client says it accepted must be the offer; officially the seller's own server checks that"
EARLY = "judged here before the chain is asked, and so by its own name instead of a failed simulation's"

SHARED = {
    "addresses in lower case in the authorization": Difference(
        "valid", "case is the checksum's; the SDK's ABI encoder refuses the address, and the payment with it"),
    "a signature without 0x": Difference("invalid_payload", STRICT),
    "valid for a year": Difference(
        "validity_too_long", "`max_validity` bounds how long a nonce must be remembered; a day by default"),
    "a network that no one serves": Difference("invalid_network", FOREIGN),
    "the 64 bytes of EIP-2098": Difference(
        "valid", "it is a signature of the payer's key, and is settled in its long form"),
    "r of zero": Difference(
        "invalid_exact_evm_failed_to_verify_signature", "no key can make it: there is no payer to compare"),
    "an empty signature": Difference(
        "invalid_exact_evm_payload_signature", "an account without code that sends no signature has not signed"),
    "no signature": Difference("invalid_payload", STRICT),
    "a signature that is no hex": Difference("invalid_payload", STRICT),
    "a nonce of 31 bytes": Difference("invalid_payload", STRICT),
    "a nonce of 33 bytes": Difference("invalid_payload", STRICT),
    "a value in hex": Difference("invalid_payload", STRICT + "; the SDK raises"),
    "a value with a sign": Difference("invalid_payload", STRICT),
    "a payer that is no address": Difference("invalid_payload", STRICT),
    "no authorization": Difference("invalid_payload", STRICT),
    "an asset without code": Difference("invalid_exact_evm_failed_to_get_asset_info", FOREIGN),
    "an asset that is no token": Difference("invalid_exact_evm_failed_to_get_asset_info", FOREIGN),
}

OF_ONE_VERSION = {
    "v1: sent under another scheme": Difference("invalid_payload", STRICT + "; the SDK raises"),
    "v2: accepted under another scheme": Difference("invalid_payload", STRICT + "; the SDK raises"),
    "v2: another scheme in the offer": Difference(
        "unsupported_scheme", "the offer is what is settled; the SDK looks at the client's echo of it only"),
    "v2: another amount accepted than offered": Difference("invalid_payment_requirements", MATCHING),
    "v2: another recipient accepted than offered": Difference("invalid_payment_requirements", MATCHING),
    "v1: s in the upper half": Difference("invalid_exact_evm_payload_signature", EARLY),
    "v1: a contract wallet that refuses": Difference("invalid_exact_evm_payload_signature", EARLY),
    "v1: a contract wallet with another's signature": Difference("invalid_exact_evm_payload_signature", EARLY),
}


def difference(case):
    return OF_ONE_VERSION.get(case.key) or SHARED.get(case.name)
