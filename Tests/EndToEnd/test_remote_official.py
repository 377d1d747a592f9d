"""Our paywall in front of the official Python facilitator: a `remote` rail, and money that it moves."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from chain.peer import OfficialFacilitator
from kit import official
from kit.payments import Payer
from kit.routes import PAY_TO, route


@pytest.fixture
def hosted(token):
    """The URL of the official facilitator behind a plain HTTP server."""
    facilitator, lock = OfficialFacilitator(token.node), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                act = facilitator.facilitator.verify if self.path == "/verify" else facilitator.settle
                answer = act(*facilitator._models(content)) if self.path == "/verify" else act(content)
            body = json.dumps(answer.model_dump(by_alias=True, exclude_none=True, mode="json")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(hosted, token, make_site):
    return make_site(
        [route("GET /paid", "$0.001")], adapters=[{"kind": "remote", "id": "hosted", "networks": ["eip155:*"], "url": hosted}],
        payments={"accepts": [token.asset.catalogue_id]})


@pytest.mark.parametrize("session", [official.session, official.version_1_session], ids=["v2", "v1"])
def test_the_official_facilitator_settles_for_our_paywall(site, token, session):
    payer = Payer()
    token.fund(payer)
    answer = session(payer).get(site.process.url() + "/paid")
    assert answer.status_code == 200, answer.text
    receipt = official.receipt(answer)
    assert token.transfers(payer.address) == [(payer.address, PAY_TO, 1000, receipt["transaction"])]
    assert site.states_of(payer) == [("settled", "delivered")]


def test_what_it_refuses_is_refused_with_its_reason(site):
    payment, answer = site.pay(Payer(), "/paid")
    assert answer.status == 402 and "insufficient_balance" in answer.body.decode()
    assert not site.upstream.calls()
