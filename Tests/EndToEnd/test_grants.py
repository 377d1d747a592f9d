"""What one payment opens again: downloads that are resumed, day passes, bundles; and for whom it does not."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kit import farebox
from kit.payments import Challenge, Payer
from kit.routes import route
from kit.sign_in import sign_in
from kit.upstream import Answer
from kit.wire import Connection, request

SIZE = 200 * 1024 * 1024
PIECE = bytes(range(256)) * 4096  # 1 MiB


class Files:
    """An upstream that serves one large file by parts, as any file server does (RFC 9110 §14)."""

    def __init__(self):
        files = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                files.asked.append(self.headers.get("Range"))
                start = int(match[1]) if (match := re.match(r"bytes=(\d+)-$", self.headers.get("Range") or "")) else 0
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(SIZE - start))
                self.send_header("Accept-Ranges", "bytes")
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{SIZE - 1}/{SIZE}")
                self.end_headers()
                try:
                    while start < SIZE:
                        piece = PIECE[start % len(PIECE):]
                        self.wfile.write(piece)
                        start += len(piece)
                except OSError:
                    self.close_connection = True

        self.asked = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def front(module_site):
    return module_site([
        route("GET /file/*", "$0.50", grant={"for": "24h"}),
        route("GET /pass/*", "$0.50", grant={"for": "24h", "scope": "route"}),
        route("GET /thrice/*", "$0.50", grant={"uses": 3}),
        route("GET /brief/*", "$0.50", grant={"for": "1s"}),
        route("GET /bundle/*", "$0.01", bundle={"amount": "$0.05"}),
        route("GET /plain/*", "$0.50"),
    ])


def buy(site, target, payer=None):
    """Pays for a target; the payment, its answer, and the fields that open it again."""
    payment, answer = site.pay(payer or Payer(), target)
    assert answer.status == 200, answer.body
    token = answer.first("Payment-Grant")
    assert token and len(token) >= 43
    return payment, answer, {**payment.fields("v2"), "Payment-Grant": token}


def refused(answer):
    """The reason of a 402 that still says how to pay."""
    return Challenge(answer).error


def test_a_download_is_bought_once_and_resumed_until_it_is_whole(make_site):
    files = Files()
    try:
        site = make_site(
            [route("GET /big/*", "$0.50", upstream="files", grant={"for": "24h"})],
            upstreams=[{"name": "files", "url": files.url}])
        payer = Payer()
        payment = payer.pay(site.challenge("/big/1"))
        digest, have, fields, stops = hashlib.sha256(), 0, payment.fields("v2"), 0
        while have < SIZE:
            with site.connect(timeout=60) as connection:
                part = {**fields, "Range": f"bytes={have}-"} if have else fields
                connection.send(request("GET", "/big/1", part))
                head = connection.socket.makefile("rb")
                status = int(head.readline().split()[1])
                assert status == (206 if have else 200)
                named = {}
                while line := head.readline().strip():
                    name, _, value = line.decode().partition(": ")
                    named[name.lower()] = value
                if not have:
                    fields = {**fields, "Payment-Grant": named["payment-grant"]}
                # Broken off five times, wherever it happens to be; the sixth time it is read to its end.
                rest = SIZE - have
                wanted = rest if stops == 5 else min(rest, 33_333_333)
                stops += 1
                while wanted:
                    piece = head.read(min(wanted, 1 << 20))
                    assert piece
                    digest.update(piece)
                    have, wanted = have + len(piece), wanted - len(piece)
        expected = hashlib.sha256()
        for _ in range(SIZE // len(PIECE)):
            expected.update(PIECE)
        assert stops == 6 and digest.digest() == expected.digest()
        assert site.states_of(payer) == [("settled", "delivered")] and len(files.asked) == 6
        assert refused(site.fetch("GET", "/big/2", fields)) == "credit_for_another_resource"
        assert refused(site.fetch("GET", "/big/1", payment.fields("v2"))) == "payment_already_used"
        assert len(files.asked) == 6
    finally:
        files.stop()


def test_the_same_proof_opens_the_same_resource_again_and_nothing_else(front):
    payment, answer, proof = buy(front, "/file/a")
    again = front.fetch("GET", "/file/a", proof)
    assert again.status == 200 and "private" in again.first("Cache-Control", "") and not again.first("PAYMENT-RESPONSE")
    assert front.fetch("GET", "/file/a", {"Payment-Grant": proof["Payment-Grant"]}).status == 200
    assert refused(front.fetch("GET", "/file/b", proof)) == "credit_for_another_resource"
    assert refused(front.fetch("GET", "/file/a?x=1", proof)) == "credit_for_another_resource"
    assert refused(front.fetch("GET", "/pass/a", proof)) == "credit_for_another_resource"
    assert front.fetch("GET", "/plain/a", proof).status == 402


def test_a_stranger_who_rebuilt_the_header_from_the_chain_is_refused(front):
    """All of the header is in the calldata of the settlement; the token is not."""
    payment, answer, proof = buy(front, "/file/stolen")
    before = len(front.upstream.calls())
    with Connection(front.process.address(), source="127.0.0.66") as connection:
        for fields in (payment.fields("v2"), {**payment.fields("v2"), "Payment-Grant": "A" * 43},
                       {**payment.fields("v2"), "Payment-Grant": ""}, payment.fields("v1"), payment.fields("plain")):
            connection.send(request("GET", "/file/stolen", fields))
            assert connection.read_response().status == 402
    assert len(front.upstream.calls()) == before


def test_a_day_pass_opens_the_whole_route(front):
    _, _, proof = buy(front, "/pass/a")
    assert [front.fetch("GET", f"/pass/{name}", proof).status for name in "abc"] == [200] * 3
    assert front.fetch("GET", "/file/a", proof).status == 402


def test_uses_are_counted_and_what_failed_is_not(front):
    _, answer, proof = buy(front, "/thrice/a")
    assert answer.first("Payment-Credit") == "uses=2"
    front.upstream.answers["/thrice/a"] = Answer(status=503)
    assert [front.fetch("GET", "/thrice/a", proof).status for _ in range(4)] == [503] * 4
    del front.upstream.answers["/thrice/a"]
    assert [front.fetch("GET", "/thrice/a", proof).first("Payment-Credit") for _ in range(2)] == ["uses=1", "uses=0"]
    assert refused(front.fetch("GET", "/thrice/a", proof)) == "credit_spent"


def test_an_answer_that_never_came_is_fetched_with_the_token_of_the_failure(front):
    front.upstream.answers["/thrice/late"] = Answer(status=500)
    payer = Payer()
    payment, answer = front.pay(payer, "/thrice/late")
    assert answer.status == 500 and answer.first("Payment-Grant")
    del front.upstream.answers["/thrice/late"]
    proof = {**payment.fields("v2"), "Payment-Grant": answer.first("Payment-Grant")}
    statuses = [front.fetch("GET", "/thrice/late", proof).status for _ in range(4)]
    assert statuses == [200, 200, 200, 402]


def test_a_redelivery_by_address_alone_gets_its_answer_and_no_token_for_the_rest(front):
    front.upstream.answers["/thrice/shared"] = Answer(status=500)
    payment, answer = front.pay(Payer(), "/thrice/shared")
    token = answer.first("Payment-Grant")
    del front.upstream.answers["/thrice/shared"]
    neighbour = front.fetch("GET", "/thrice/shared", payment.fields("v2"))
    assert neighbour.status == 200 and not neighbour.first("Payment-Grant")
    assert front.fetch("GET", "/thrice/shared", payment.fields("v2")).status == 402
    assert front.fetch("GET", "/thrice/shared", {"Payment-Grant": token}).status == 200


def test_a_grant_ends(front):
    _, _, proof = buy(front, "/brief/a")
    from kit.polling import wait_until

    last = wait_until(lambda: (answer := front.fetch("GET", "/brief/a", proof)).status == 402 and answer, "the end of it")
    assert refused(last) == "credit_expired"


def test_a_grant_outlives_the_process(make_site):
    site = make_site([route("GET /x", "$0.50", grant={"for": "24h"})])
    _, _, proof = buy(site, "/x")
    assert site.process.stop() == 0
    site.start()
    assert site.fetch("GET", "/x", proof).status == 200


def test_a_bundle_is_drawn_down_to_nothing_and_names_the_next(front):
    payer = Payer()
    asked = front.challenge("/bundle/a")
    assert asked.offers[0]["amount"] == "50000"
    payment, answer, proof = buy(front, "/bundle/a", payer)
    assert answer.first("Payment-Credit") == 'amount="40000"'
    left = [front.fetch("GET", f"/bundle/{n}", proof).first("Payment-Credit") for n in range(4)]
    assert left == [f'amount="{amount}"' for amount in (30000, 20000, 10000, 0)]
    last = Challenge(front.fetch("GET", "/bundle/a", proof))
    assert last.error == "credit_spent" and last.offers[0]["amount"] == "50000"
    assert front.states_of(payer) == [("settled", "delivered")]


def test_a_bundle_is_never_overdrawn_by_fifty_at_once(front):
    payer = Payer()
    _, _, proof = buy(front, "/bundle/race", payer)
    start, statuses = threading.Barrier(50), []

    def run():
        with Connection(front.process.address(), timeout=30) as connection:
            start.wait(30)
            connection.send(request("GET", "/bundle/race", proof))
            statuses.append(connection.read_response().status)

    threads = [threading.Thread(target=run) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses.count(200) == 4 and statuses.count(402) == 46, statuses


def test_a_kill_between_draw_and_charge_takes_nothing_and_gives_nothing_twice(make_site):
    site, payer, gate = make_site([
        route("GET /bundle/*", "$0.01", bundle={"amount": "$0.05"}),
        route("GET /free/*", "$0.01", free={"requests": 2, "per": "365d"}),
    ]), Payer(), threading.Event()
    _, _, proof = buy(site, "/bundle/0", payer)
    for target in ("/bundle/held", "/free/held"):
        site.upstream.answers[target] = Answer(gate=gate)
    with site.connect() as drawing, site.connect() as taking:
        drawing.send(request("GET", "/bundle/held", proof))
        taking.send(request("GET", "/free/held"))
        site.upstream.wait_for_calls(2, "held")
        site.process.kill()
    gate.set()
    site.start()
    left = [site.fetch("GET", f"/bundle/{number}", proof).first("Payment-Credit") for number in range(1, 5)]
    assert left == [f'amount="{amount}"' for amount in (30000, 20000, 10000, 0)], "what was held is given back, once"
    assert refused(site.fetch("GET", "/bundle/5", proof)) == "credit_spent"
    assert [site.fetch("GET", "/free/a").status for _ in range(2)] == [200, 402], "what was taken stays taken"
    assert site.states_of(payer) == [("settled", "delivered")]
    checked = farebox.run("ledger", "verify", "--ledger", f"sqlite:{site.ledger_path}")
    assert checked.returncode == 0, checked.stdout


def test_a_payer_signs_in_instead_of_showing_a_token(front):
    payer = Payer()
    buy(front, "/file/signed", payer)
    url = front.challenge("/file/signed").resource["url"]
    challenge = front.challenge("/file/signed")
    header = sign_in(challenge, payer)
    assert front.fetch("GET", "/file/signed", header).status == 200
    # A nonce is good once, for one resource, and for the key that paid.
    assert refused(front.fetch("GET", "/file/signed", header)) == "invalid_siwx_nonce"
    elsewhere = sign_in(front.challenge("/file/signed"), payer)
    assert refused(front.fetch("GET", "/file/other", elsewhere)) == "invalid_siwx_uri_mismatch"
    stranger = sign_in(front.challenge("/file/signed"), Payer())
    assert refused(front.fetch("GET", "/file/signed", stranger)) == "credit_unknown"
    changed = sign_in(front.challenge("/file/signed"), payer, issuedAt="2026-01-01T00:00:00Z")
    assert refused(front.fetch("GET", "/file/signed", changed)) == "invalid_siwx_message"
    assert challenge.v2["extensions"]["sign-in-with-x"]["info"]["uri"] == url


def test_a_sign_in_of_another_key_in_the_payers_name_is_refused(front):
    payer, thief = Payer(), Payer()
    buy(front, "/file/named", payer)
    challenge = front.challenge("/file/named")

    class Pretender:
        account = thief.account

    header = sign_in(challenge, Pretender())
    from kit.payments import decode, encode

    forged = decode(header["SIGN-IN-WITH-X"]) | {"address": payer.address}
    answer = front.fetch("GET", "/file/named", {"SIGN-IN-WITH-X": encode(forged)})
    assert refused(answer) == "invalid_siwx_signature"


@pytest.mark.parametrize("value", ["", "x", "e30=", "W10=", "A" * 9000])
def test_a_sign_in_that_cannot_be_read_is_refused(front, value):
    answer = front.fetch("GET", "/file/garbage", {"SIGN-IN-WITH-X": value})
    assert refused(answer) in ("invalid_siwx_message", "Payment required")
