"""What is sold, told under /.well-known/x402, and imported again."""

import json

import pytest
from kit.farebox import run
from kit.routes import config, route, toml
from kit.payments import Challenge
from kit.wire import fetch
from x402.extensions.bazaar import validate_discovery_extension, validate_discovery_extension_spec
from x402.extensions.bazaar.v1 import extract_discovery_info_v1, is_discoverable_v1

LIST, OPENAPI = "/.well-known/x402", "/.well-known/x402/openapi.json"


@pytest.fixture(scope="module")
def front(module_site):
    return module_site([
        route("GET /v1/weather/:city", "$0.001", description="The weather of a city", mime_type="application/json"),
        route("POST /v1/chat", "$0.02"),
        route("GET /v1/search/:index", "$0.01", discovery={
            "input": '{"q": "rain", "limit": 10}', "output": '{"found": [21.5]}',
            "input_schema": '{"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}',
        }),
        route("POST /v1/draw", "$0.03", discovery={"input": '{"prompt": "a cat"}', "output": '{"url": "x"}'}),
        route("/quiet/*", "$1", discoverable=False),
        route("/*", "$5"),
    ])


def test_both_documents_list_what_is_sold(front):
    listed = fetch(front.process.address(), "GET", LIST)
    assert listed.status == 200 and listed.first("Content-Type") == "application/json"
    resources = json.loads(listed.body)
    assert resources["version"] == 1
    assert "https://api.example.com/v1/weather/{city}" in resources["resources"]
    assert resources["openapi"] == "https://api.example.com" + OPENAPI
    document = json.loads(fetch(front.process.address(), "GET", OPENAPI).body)
    assert document["openapi"] == "3.1.0" and document["servers"] == [{"url": "https://api.example.com"}]
    operation = document["paths"]["/v1/weather/{city}"]["get"]
    assert operation["x-payment-info"]["price"] == {"mode": "fixed", "currency": "USD", "amount": "0.001"}
    assert operation["parameters"][0]["name"] == "city" and "402" in operation["responses"]
    assert "quiet" not in json.dumps(document) + json.dumps(resources)


def test_they_are_cached_by_their_tag_and_open_to_browsers(front):
    whole = fetch(front.process.address(), "GET", OPENAPI, {"Origin": "https://shop.example"})
    tag = whole.first("ETag")
    assert whole.first("Access-Control-Allow-Origin") == "*" and whole.first("Cache-Control") == "no-cache"
    for value in (tag, f'"x", W/{tag}', "*"):
        again = fetch(front.process.address(), "GET", OPENAPI, {"If-None-Match": value})
        assert (again.status, again.body, again.first("ETag")) == (304, b"", tag)
    assert fetch(front.process.address(), "GET", OPENAPI, {"If-None-Match": '"x"'}).status == 200
    head = fetch(front.process.address(), "HEAD", OPENAPI)
    assert (head.status, head.body) == (200, b"") and head.first("Content-Length") == str(len(whole.body))
    assert fetch(front.process.address(), "POST", OPENAPI).first("Allow") == "GET, HEAD, OPTIONS"
    preflight = fetch(front.process.address(), "OPTIONS", LIST, {"Origin": "x", "Access-Control-Request-Method": "GET"})
    assert preflight.status == 204


def test_a_file_can_keep_it_to_itself(make_site):
    site = make_site([route("GET /a", "$1")], server={"discovery": False})
    assert fetch(site.process.address(), "GET", LIST).status == 404


def test_what_is_told_is_imported_as_routes_that_check_takes(front, tmp_path):
    document = tmp_path / "api.json"
    document.write_bytes(fetch(front.process.address(), "GET", OPENAPI).body)
    done = run("routes", "import", str(document), "--upstream", "http://127.0.0.1:9000")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    base = config("http://127.0.0.1:9000", tmp_path / "ledger.db", [])
    del base["upstreams"]
    path = tmp_path / "routes.toml"
    path.write_text(toml(base) + "\n" + done.stdout)
    checked = run("check", "--config", str(path), "--json")
    assert checked.returncode == 0 and json.loads(checked.stdout)["routes"] == 5, checked.stdout
    assert run("routes", "import", str(tmp_path / "none.json")).returncode == 1
    assert run("routes", "import", str(document), "--price", "cheap").returncode == 2


def test_directories_read_how_a_route_is_called(front):
    for method, target in (("GET", "/v1/search/news"), ("POST", "/v1/draw")):
        challenge = Challenge(fetch(front.process.address(), method, target))
        bazaar = challenge.v2["extensions"]["bazaar"]
        assert validate_discovery_extension(bazaar).valid, validate_discovery_extension(bazaar).errors
        assert validate_discovery_extension_spec(bazaar).valid
        assert bazaar["info"]["input"]["method"] == method
        entry = challenge.v1["accepts"][0]
        assert is_discoverable_v1(entry) and extract_discovery_info_v1(entry).input.method == method
    assert bazaar["info"]["input"]["body"] == {"prompt": "a cat"}
    assert "bazaar" not in Challenge(fetch(front.process.address(), "GET", "/v1/weather/x")).v2.get("extensions", {})
    document = json.loads(fetch(front.process.address(), "GET", OPENAPI).body)
    search = document["paths"]["/v1/search/{index}"]["get"]
    assert [(item["name"], item["required"]) for item in search["parameters"]] == [
        ("index", True), ("q", True), ("limit", False)]
    assert document["paths"]["/v1/draw"]["post"]["requestBody"]["content"]["application/json"]["example"]
