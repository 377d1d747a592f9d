"""Fixtures: the program in front of an upstream that knows nothing of it."""

import json
import signal
from types import SimpleNamespace

import pytest
from chain.contracts import NotToBeHad
from chain.shop import LISTENERS, Shop
from chain.tokens import canonical_chain
from kit import farebox as program
from kit.payments import ARBITRUM, BASE, BASE_SEPOLIA, Challenge, Payer, encode
from kit.polling import wait_until
from kit.routes import config, route, toml
from kit.upstream import Upstream

VALUE_STATES = {"reserved", "settling", "settled", "uncertain", "released", "expired", "owed", "written_off"}
SERVICE_STATES = {"unused", "forwarding", "delivered", "undelivered"}

SHARED_ROUTES = [
    route("GET /free/*", "free"),
    route("GET,POST /cheap/*", "$0.001", description="Weather report", mime_type="application/json"),
    route("GET,POST /dear/*", "$0.50"),
    route("GET,POST /same/*", "$0.001"),
    route("GET,POST,PUT /after/*", "$0.002", settle="after"),
    route("GET /dollar", "$1"),
    route("GET /base/*", "$0.001", accepts=[BASE.catalogue_id]),
    route("GET /arbitrum/*", "$0.001", accepts=[ARBITRUM.catalogue_id]),
    route("GET /both/*", "$0.001", accepts=[BASE_SEPOLIA.catalogue_id, BASE.catalogue_id]),
    route("/any/*", "$0.001"),
]


class Site:
    """A running program, its upstream, its file and its ledger."""

    def __init__(self, upstream, folder, name="site"):
        self.upstream = upstream
        self.folder = folder
        self.file = folder / f"{name}.toml"
        self.ledger_path = folder / f"{name}.db"
        self.process = None
        # Listening sockets by name, passed to the program as a service manager passes them.
        self.sockets = None

    def write(self, routes, **tables):
        self.config = config(self.upstream.url, self.ledger_path, routes, **tables)
        self.file.write_text(toml(self.config))
        return self

    def start(self, command="serve", env=None, role="paywall"):
        self.begin(command, env)
        self.process.address(role)
        return self

    def begin(self, command="serve", env=None):
        """Starts it and does not wait for its listeners."""
        self.process = program.Farebox(
            command, "--config", self.file, env=env, cwd=self.folder, sockets=self.sockets)

    def fetch(self, *arguments, **keywords):
        return self.process.fetch(*arguments, **keywords)

    def connect(self, **keywords):
        return self.process.connect(**keywords)

    def challenge(self, target, method="GET", **keywords):
        return Challenge(self.fetch(method, target, **keywords))

    def pay(self, payer, target, method="GET", form="v2", fields=None, **keywords):
        """Asks, signs what is asked, and asks again with the payment; returns payment and answer."""
        payment = payer.pay(self.challenge(target, method, **{k: v for k, v in keywords.items() if k == "body"}))
        answer = self.fetch(method, target, {**payment.fields(form), **(fields or {})}, **keywords)
        return payment, answer

    def rows(self, *arguments):
        """The ledger's rows as `farebox ledger list` prints them to a pipe, newest first."""
        place = f"sqlite:{self.ledger_path}"
        result = program.run("ledger", "list", "--ledger", place, "--limit", 100000, *arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def rows_of(self, payer):
        return self.rows("--payer", payer.address)

    def states_of(self, payer):
        """(value, service) of each payment of a payer, newest first, when what is under way has come to rest."""
        states = []

        def at_rest():
            states[:] = [(row["value"], row["service"]) for row in self.rows_of(payer)]
            return not any(value == "settling" or service == "forwarding" for value, service in states)

        wait_until(at_rest, "rest in the ledger")
        assert all(value in VALUE_STATES and service in SERVICE_STATES for value, service in states), states
        return states

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def change(self, **tables):
        """Merges tables over the file, reloads, and returns when the program has taken it or refused it: its log line."""
        for name, value in tables.items():
            old = self.config.get(name)
            if value is None:
                self.config.pop(name, None)
            else:
                self.config[name] = old | value if isinstance(value, dict) and isinstance(old, dict) else value
        self.file.write_text(toml(self.config))
        count = len(self.reloads())
        self.reload()
        return wait_until(lambda: len(found := self.reloads()) > count and found[count], "end of the reload", timeout=30)

    def reloads(self):
        return [event for event in self.process.events() if "reloaded" in event.get("message", "")]

    def stop(self):
        code = self.process.stop()
        assert not self.process.leaks(), f"secrets in the output: {self.process.leaks()}"
        return code


class Chains:
    """The chains of a test file, each started once; a test finds its chain as it was at first."""

    def __init__(self):
        self.started, self.beginnings = {}, {}

    def token(self, chain_id=BASE_SEPOLIA.chain_id, **options):
        """The real USDC on a chain of that id, with listeners for a test, the program and a second node of its."""
        key = (chain_id, *sorted(options.items()))
        if key not in self.started:
            try:
                self.started[key] = canonical_chain(chain_id, listeners=LISTENERS, **options)[1]
            except NotToBeHad as reason:
                pytest.skip(str(reason))
        token = self.started[key]
        token.node.heal()
        token.node.automine(True)
        if key in self.beginnings:
            token.node.revert(self.beginnings[key])
        self.beginnings[key] = token.node.snapshot()
        return token

    def stop(self):
        for token in self.started.values():
            token.node.stop()


@pytest.fixture(scope="module")
def chains():
    chains = Chains()
    yield chains
    chains.stop()


def pytest_report_header():
    return f"farebox: {program.binary()}"


@pytest.fixture(scope="session")
def shared_upstream():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture
def upstream(shared_upstream):
    """The upstream of the shared site, with an empty log and default answers."""
    shared_upstream.reset()
    return shared_upstream


@pytest.fixture(scope="session")
def shared_site(shared_upstream, tmp_path_factory):
    site = Site(shared_upstream, tmp_path_factory.mktemp("shared"))
    site.write(SHARED_ROUTES, facilitator={"listen": "127.0.0.1:0"}).start()
    site.process.address("facilitator")
    yield site
    code = site.stop()
    assert code == 0


@pytest.fixture
def site(shared_site, upstream):
    """The paywall that most tests share; every test brings its own payer, so that none sees another's payments."""
    yield shared_site
    assert shared_site.process.process.poll() is None, f"farebox died:\n{shared_site.process.output()[-4000:]}"


def site_maker(folder):
    """Makes sites until it ends; whatever is still running then is stopped and scanned for secrets."""
    sites = []

    def make(routes, upstream=None, name=None, command="serve", role="paywall", start=True, env=None, **tables):
        site = Site(upstream or Upstream(), folder, name or f"site{len(sites)}")
        sites.append(site)
        site.write(routes, **tables)
        return site.start(command, env, role) if start else site

    yield make
    for site in sites:
        if site.process is not None:
            if site.process.process.poll() is None:
                site.process.stop()
            assert not site.process.leaks(), f"secrets in the output: {site.process.leaks()}"
        site.upstream.stop()


@pytest.fixture
def make_site(tmp_path):
    """Makes sites of a test's own."""
    yield from site_maker(tmp_path)


@pytest.fixture(scope="module")
def module_site(tmp_path_factory):
    """Makes sites that the tests of a file share."""
    yield from site_maker(tmp_path_factory.mktemp("module"))


@pytest.fixture
def make_shop(chains, make_site):
    """Makes paywalls that are paid in the real USDC on a chain of the test's own."""
    return lambda **options: Shop(chains.token(), make_site, **options)


@pytest.fixture
def shop(make_shop):
    return make_shop()


@pytest.fixture
def payer():
    return Payer()


@pytest.fixture
def make_payer():
    return Payer


@pytest.fixture
def pays(site, payer):
    """Signs for a target of the shared site and returns the payment, unsent."""
    return lambda target, method="GET", **changes: payer.pay(site.challenge(target, method), **changes)


@pytest.fixture
def forms():
    return SimpleNamespace(encode=encode)


@pytest.fixture
def token():
    """Circle's token at its own address on a chain of the test's own; the test is left out where the wheels cannot be had."""
    try:
        node, token = canonical_chain()
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    yield token
    node.stop()
