"""Slow clients and many of them: memory stays bounded, and a free route is answered meanwhile. Counts, never times."""

import resource

import pytest
from kit.polling import wait_until
from kit.routes import route
from kit.wire import BrokenAnswer, request

ROUTES = [route("/free/*", "free"), route("GET /paid", "$0.001")]
MANY = 400
# What one connection may cost while its head is not complete: the head's limit and what is around it.
EACH = 64_000


@pytest.fixture(scope="module", autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4_096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))


@pytest.fixture(scope="module")
def flooded(module_site):
    site = module_site(ROUTES, server={"header_timeout": "60s"}, limits={"challenges": "1/h burst 1000"})
    for _ in range(50):
        assert site.fetch("GET", "/free/a").status == 200
    return site


def healthy(site, count=20):
    """How many of so many requests on a free route are answered."""
    return sum(site.fetch("GET", "/free/a").status == 200 for _ in range(count))


def grown(site, before, capsys, what):
    after = site.process.resident_bytes()
    with capsys.disabled():
        print(f"\n{what}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")
    return after - before


def test_heads_byte_by_byte(flooded, capsys):
    before = flooded.process.resident_bytes()
    slow = [flooded.connect() for _ in range(MANY)]
    head = request("GET", "/free/slow", {"X-Long": "a" * 64})[:-1]
    answered = 0
    for byte in head:
        for connection in slow[::8]:
            connection.send(bytes([byte]))
        answered += healthy(flooded, 1)
    assert answered == len(head)
    assert grown(flooded, before, capsys, f"{MANY} connections, heads byte by byte") < MANY * EACH
    for connection in slow[::8]:
        assert connection.send(b"\n").read_response().status == 200
    for connection in slow:
        connection.close()


def test_heads_that_never_end(flooded, capsys):
    before = flooded.process.resident_bytes()
    refused = 0
    for round in range(5):
        connections = [flooded.connect(timeout=5) for _ in range(MANY // 5)]
        for connection in connections:
            try:
                connection.send(b"GET /free/a HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(4_000)))
            except OSError:
                pass
        assert healthy(flooded, 4) == 4
        for connection in connections:
            refused += is_refused(connection)
            connection.close()
    assert refused == MANY // 5 * 5
    assert grown(flooded, before, capsys, f"{MANY} header floods of 36 kB") < MANY * EACH // 4


def is_refused(connection):
    try:
        return connection.read_head().status == 431
    except TimeoutError:
        return False
    except (OSError, BrokenAnswer):
        return True


def test_a_flood_of_402s_ends_in_429(flooded, capsys):
    before = flooded.process.resident_bytes()
    counts = {402: 0, 429: 0}
    with flooded.connect() as connection:
        for _ in range(40):
            connection.send(request("GET", "/paid") * 100)
            for _ in range(100):
                counts[connection.read_response().status] += 1
            assert healthy(flooded, 1) == 1
    assert counts == {402: 1000, 429: 3000}
    assert grown(flooded, before, capsys, "a flood of 4,000 requests for 402s") < 16e6


def test_answers_that_nobody_reads(flooded, capsys):
    before = flooded.process.resident_bytes()
    deaf = [flooded.connect(receive_buffer=4096) for _ in range(40)]
    for connection in deaf:
        connection.socket.setblocking(False)
        for _ in range(40):
            try:
                connection.socket.send(request("GET", "/free/a") * 100)
            except BlockingIOError:
                break
    assert healthy(flooded) == 20
    # Each may hold what it sent ahead and what it does not take, and no more.
    assert grown(flooded, before, capsys, "40 connections that do not read") < 40 * 512_000
    for connection in deaf:
        connection.close()


def test_ten_thousand_clients_in_a_table_for_few(make_site, capsys):
    site = make_site(ROUTES, server={"trusted_proxies": ["127.0.0.1"]}, limits={"client": "2/h", "max_tracked": 1024})
    before = site.process.resident_bytes()

    def asked(address):
        return request("GET", "/free/a", {"X-Forwarded-For": address})

    with site.connect() as connection:
        for _ in range(2):
            assert connection.send(asked("192.0.2.1")).read_response().status == 200
        statuses = {200: 0, 429: 0}
        for block in range(100):
            connection.send(b"".join(asked(f"10.{block}.{n // 250}.{n % 250}") for n in range(100)))
            for _ in range(100):
                statuses[connection.read_response().status] += 1
        # Newcomers share what is left; who was there keeps its empty bucket.
        assert connection.send(asked("192.0.2.1")).read_response().status == 429
    assert statuses[200] <= 2 * 1024
    assert grown(site, before, capsys, "10,000 clients, 1,024 kept apart") < 16e6


def test_connections_beyond_the_limit_are_turned_away_and_leave_nothing(make_site, capsys):
    site = make_site(ROUTES, server={"max_connections": 100, "max_connections_per_client": 50})
    before = site.process.resident_bytes()
    mine = [site.connect() for _ in range(50)]
    for connection in mine:
        assert connection.send(request("GET", "/free/a")).read_response().status == 200
    turned_away = 0
    for _ in range(10):
        surplus = [site.connect(timeout=5) for _ in range(30)]
        turned_away += sum(is_turned_away(connection) for connection in surplus)
        for connection in surplus:
            connection.close()
    assert turned_away == 300
    with site.connect(source="127.0.0.2") as other:
        assert other.send(request("GET", "/free/a")).read_response().status == 200
    for connection in mine:
        connection.close()
    wait_until(lambda: site.fetch("GET", "/free/a").status == 200, "room again")
    assert grown(site, before, capsys, "300 connections turned away") < 16e6


def is_turned_away(connection):
    try:
        return connection.read_head().status == 429
    except TimeoutError:
        return False
    except (OSError, BrokenAnswer):
        return True
