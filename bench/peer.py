"""A mainstream peer: the official Python middleware on FastAPI and uvicorn, with the route of the benchmark.

Its facilitator is a stub in the process, so that only what the middleware itself does is measured.
"""

import sys

import uvicorn
from fastapi import FastAPI
from x402 import x402ResourceServer
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm.exact.register import register_exact_evm_server
from x402.schemas import SettleResponse, SupportedKind, SupportedResponse, VerifyResponse

NETWORK = "eip155:84532"
PAY_TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


class AgreeableFacilitator:
    """Says yes to everything, at once."""

    identifier = url = "stub"

    def get_supported(self):
        return SupportedResponse(kinds=[SupportedKind(x402_version=2, scheme="exact", network=NETWORK)])

    async def verify(self, payload, requirements):
        return VerifyResponse(is_valid=True, payer=PAY_TO)

    async def settle(self, payload, requirements):
        return SettleResponse(success=True, transaction="0x" + "00" * 32, network=NETWORK, payer=PAY_TO)


def main():
    app = FastAPI()
    routes = {"GET /paid/*": {"accepts": {"scheme": "exact", "payTo": PAY_TO, "price": "$0.001", "network": NETWORK}}}
    server = register_exact_evm_server(x402ResourceServer(AgreeableFacilitator()))
    app.middleware("http")(payment_middleware(routes, server))

    @app.get("/paid/{city}")
    async def paid(city: str):
        return {"status": "ok", "city": city}

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
                log_level="warning")


if __name__ == "__main__":
    main()
