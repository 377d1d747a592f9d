"""The official Python client, configured as its manual says and no further."""

import requests
from x402 import x402Client, x402ClientSync
from x402.http.clients import x402_requests, x402HttpxClient
from x402.http.clients.requests import x402HTTPAdapter
from x402.mechanisms.evm.exact.register import register_exact_evm_client
from x402.mechanisms.evm.upto.client import UptoEvmScheme

from .payments import decode


def session(payer):
    """A `requests` session that pays, with the client's default spend controls."""
    client = register_exact_evm_client(x402ClientSync(), payer.account)
    return x402_requests(client)


def permit_session(payer, any_token=False):
    """A session that also pays under scheme upto; `any_token` lifts the limit to the tokens that the client knows."""
    client = register_exact_evm_client(x402ClientSync(), payer.account)
    client.register("eip155:*", UptoEvmScheme(payer.account))
    if any_token:
        client.set_spend_controls(False)
    return x402_requests(client)


def version_1_session(payer):
    """The same client as a version 1 client sees the world: without the version 2 field."""

    class BlindToVersion2(x402HTTPAdapter):
        def build_response(self, request, response):
            answer = super().build_response(request, response)
            answer.headers.pop("PAYMENT-REQUIRED", None)
            return answer

    made = requests.Session()
    adapter = BlindToVersion2(register_exact_evm_client(x402ClientSync(), payer.account))
    made.mount("http://", adapter)
    return made


def async_client(payer):
    """The asynchronous client, on httpx."""
    return x402HttpxClient(register_exact_evm_client(x402Client(), payer.account), timeout=15)


def receipt(response):
    """The receipt as the official client would look it up."""
    value = response.headers.get("PAYMENT-RESPONSE") or response.headers.get("X-PAYMENT-RESPONSE")
    return decode(value) if value else None
