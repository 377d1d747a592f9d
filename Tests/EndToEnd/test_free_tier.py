"""What is free of a priced route: exact however many ask, durable, and told in RateLimit fields."""

import threading

import pytest
from kit.payments import Payer
from kit.routes import route
from kit.upstream import Answer
from kit.wire import Connection, request

FREE = 20


@pytest.fixture(scope="module")
def front(module_site):
    return module_site([
        route("GET /many/*", "$0.01", free={"requests": FREE, "per": "365d"}),
        route("GET /few/*", "$0.01", free={"requests": 2, "per": "365d"}),
        route("GET /keyed/*", "$0.01", free={"requests": 1, "per": "365d", "by": "header:X-API-Key"}),
        route("GET /paying/*", "$0.01", free={"requests": 1, "per": "365d", "by": "payer"}),
        route("GET /bytes/*", "$0.01", free={"bytes": "10KiB", "per": "365d"}),
    ])


def storm(address, target, clients, each):
    """Statuses of `clients` connections that send `each` requests side by side."""
    start, statuses = threading.Barrier(clients), []

    def run():
        with Connection(address, timeout=60) as connection:
            start.wait(30)
            for _ in range(each):
                connection.send(request("GET", target))
                statuses.append(connection.read_response().status)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return statuses


def test_of_a_thousand_at_once_exactly_the_free_ones_are_served_and_a_restart_gives_no_more(front):
    before = len(front.upstream.calls())
    statuses = storm(front.process.address(), "/many/a", 50, 20)
    assert len(statuses) == 1000 and statuses.count(200) == FREE and statuses.count(402) == 1000 - FREE
    assert len(front.upstream.calls()) == before + FREE
    assert front.process.stop() == 0
    front.start()
    assert front.fetch("GET", "/many/a").status == 402
    assert front.fetch("GET", "/few/other-route").status == 200


def test_half_of_it_before_a_kill_is_not_free_again(make_site):
    site = make_site([route("GET /x", "$0.01", free={"requests": 20, "per": "365d"})])
    assert [site.fetch("GET", "/x").status for _ in range(12)] == [200] * 12
    site.process.process.kill()
    site.process.process.wait(10)
    site.start()
    assert storm(site.process.address(), "/x", 10, 5).count(200) == 8


def test_what_is_left_is_told(front):
    with Connection(front.process.address(), source="127.0.0.77") as connection:
        answers = []
        for _ in range(3):
            connection.send(request("GET", "/few/a"))
            answers.append(connection.read_response())
    assert [answer.status for answer in answers] == [200, 200, 402]
    for answer, left in zip(answers, (1, 0, 0)):
        assert answer.first("RateLimit-Policy") == '"free";q=2;w=31536000'
        fields = answer.first("RateLimit").split(";")
        assert fields[:2] == ['"free"', f"r={left}"] and 0 < int(fields[2][2:]) <= 31536000
        assert answer.status == 402 or "private" in answer.first("Cache-Control", "")


def test_it_is_counted_by_address_and_by_key(front):
    def status(target, source, fields=None):
        with Connection(front.process.address(), source=source) as connection:
            connection.send(request("GET", target, fields or {}))
            return connection.read_response().status

    assert [status("/few/b", "127.0.0.78") for _ in range(3)] == [200, 200, 402]
    assert status("/few/b", "127.0.0.79") == 200
    assert [status("/keyed/a", "127.0.0.80", {"X-API-Key": "a"}) for _ in range(2)] == [200, 402]
    assert status("/keyed/a", "127.0.0.81", {"x-api-key": "a"}) == 402
    assert status("/keyed/a", "127.0.0.81", {"x-api-key": "b"}) == 200
    assert status("/keyed/a", "127.0.0.82") == 402
    # A field that the upstream never sees is no key.
    assert status("/keyed/a", "127.0.0.82", {"X-API-Key": "c", "Connection": "X-API-Key"}) == 402


def test_what_failed_upstream_is_given_back(front):
    front.upstream.answers["/few/broken"] = Answer(status=500)
    with Connection(front.process.address(), source="127.0.0.83") as connection:
        statuses = []
        for target in ["/few/broken"] * 4 + ["/few/fine"] * 3:
            connection.send(request("GET", target))
            statuses.append(connection.read_response().status)
    assert statuses == [500] * 4 + [200, 200, 402]


def test_a_payer_keeps_the_payment_that_was_not_needed(front):
    payer = Payer()
    payment = payer.pay(front.challenge("/paying/a"))
    free = front.fetch("GET", "/paying/a", payment.fields("v2"))
    assert free.status == 200 and not free.first("PAYMENT-RESPONSE") and front.rows_of(payer) == []
    paid = front.fetch("GET", "/paying/a", payment.fields("v2"))
    assert paid.status == 200 and paid.first("PAYMENT-RESPONSE")
    assert front.states_of(payer) == [("settled", "delivered")]
    assert front.fetch("GET", "/paying/a").status == 402


def test_bytes_are_counted_as_they_came(front):
    front.upstream.answers["/bytes/a"] = Answer(body=b"x" * 6000)
    with Connection(front.process.address(), source="127.0.0.84") as connection:
        statuses = []
        for _ in range(3):
            connection.send(request("GET", "/bytes/a"))
            statuses.append(connection.read_response().status)
    assert statuses == [200, 200, 402]


def test_a_payment_is_never_spent_on_what_is_free_by_address(front):
    payer = Payer()
    with Connection(front.process.address(), source="127.0.0.85") as connection:
        connection.send(request("GET", "/few/c"))
        assert connection.read_response().status == 200
    payment, answer = front.pay(payer, "/many/paid")
    assert answer.status == 200 and front.states_of(payer) == [("settled", "delivered")]
