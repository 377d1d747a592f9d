"""Sign-ins (`sign-in-with-x`) as the official client makes them."""

import asyncio
import sys
import types

from eth_account.messages import encode_defunct


class _SiweMessage:
    """The text of EIP-4361. The package that the official client takes it from cannot be had beside its other parts."""

    def __init__(self, **fields):
        self.fields = fields

    def prepare_message(self):
        named = self.fields
        lines = [f"{named['domain']} wants you to sign in with your Ethereum account:", named["address"], ""]
        if named["statement"]:
            lines.append(named["statement"])
        lines += ["", f"URI: {named['uri']}", f"Version: {named['version']}", f"Chain ID: {named['chain_id']}",
                  f"Nonce: {named['nonce']}", f"Issued At: {named['issued_at']}"]
        for title, key in (("Expiration Time", "expiration_time"), ("Not Before", "not_before"), ("Request ID", "request_id")):
            if named.get(key):
                lines.append(f"{title}: {named[key]}")
        if named.get("resources"):
            lines += ["Resources:", *(f"- {resource}" for resource in named["resources"])]
        return "\n".join(lines)


sys.modules.setdefault("siwe", types.SimpleNamespace(SiweMessage=_SiweMessage))

from x402.extensions.sign_in_with_x.client import create_siwx_payload  # noqa: E402
from x402.extensions.sign_in_with_x.encode import encode_siwx_header  # noqa: E402


class _Signer:
    def __init__(self, account):
        self.account, self.address = account, account.address

    async def sign_message(self, *, message, account=None):
        return "0x" + self.account.sign_message(encode_defunct(text=message)).signature.hex()


def sign_in(challenge, payer, url=None, chain=0, **changes):
    """The header that signs in to what a 402 was for; `changes` are made before signing."""
    extension = challenge.v2["extensions"]["sign-in-with-x"]
    info = {**extension["info"], **extension["supportedChains"][chain], **changes}
    payload = asyncio.run(create_siwx_payload(info, _Signer(payer.account), url or info["uri"]))
    return {"SIGN-IN-WITH-X": encode_siwx_header(payload)}
