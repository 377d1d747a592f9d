"""TLS as the clients that people have see it: curl, openssl, Python's ssl, the official client."""

import re
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from kit import farebox as program
from kit import official
from kit.certificates import Authority
from kit.http2 import Client
from kit.polling import wait_until
from kit.routes import route
from kit.upstream import Answer

ROUTES = [route("GET /free/*", "free"), route("GET,POST /cheap/*", "$0.001")]


class SecureSite:
    """A site with TLS on one address and plain HTTP on another."""

    def __init__(self, site):
        self.site, self.process = site, site.process
        event = self.process.wait_for_event("listening", scheme="https")
        self.port = int(event["address"].rpartition(":")[2])

    def url(self, host="localhost"):
        return f"https://{host}:{self.port}"

    def curl(self, target, *arguments, host="localhost", authority=None):
        return subprocess.run(
            ["curl", "-sS", "--max-time", "10", "--resolve", f"{host}:{self.port}:127.0.0.1", "--cacert",
             str(authority), "-i", *arguments, self.url(host) + target], capture_output=True, text=True, timeout=20)

    def s_client(self, *arguments, says="", host="localhost", authority=None):
        """What `openssl s_client` tells, after it said something and its input ended."""
        made = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", host,
             *(["-CAfile", str(authority)] if authority else []), *map(str, arguments)],
            input=says, capture_output=True, text=True, timeout=20)
        return made.stdout + made.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(module_site, authority):
    first = authority.issue("first", ["localhost", "127.0.0.1"])
    first["ocsp_file"] = authority.status("first")
    second = authority.issue("second", ["*.second.example"])
    site = module_site(ROUTES, server={"tls": {"listen": "127.0.0.1:0", "certificates": [first, second]}})
    return SecureSite(site)


def subject(text):
    return re.search(r"subject=(.*)", text)[1].strip()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_is_served(secure, authority, version):
    answer = secure.curl("/free/x", f"--tlsv{version}", "--tls-max", version, authority=authority.file)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("HTTP/1.1 200") or answer.stdout.startswith("HTTP/2 200")
    (call,) = [call for call in secure.site.upstream.calls() if call.target == "/free/x"][-1:]
    assert call.first("x-forwarded-proto") == "https"
    event = secure.process.wait_for_event("request", path="/free/x", tls=f"TLSv{version}")
    assert event["status"] == 200


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(secure, version):
    text = secure.s_client(version, "-cipher", "DEFAULT:@SECLEVEL=0")
    assert "Cipher is (NONE)" in text
    assert re.search(r"alert protocol version|unsupported protocol", text)


def test_the_name_chooses_the_certificate(secure, authority):
    assert subject(secure.s_client(host="localhost")) == "CN = Test first"
    assert subject(secure.s_client(host="a.second.example")) == "CN = Test second"
    assert subject(secure.s_client(host="elsewhere.example")) == "CN = Test first"
    assert secure.curl("/free/x", host="b.second.example", authority=authority.file).returncode == 0


def test_a_response_of_the_authority_is_stapled(secure, authority):
    text = secure.s_client("-status", authority=authority.file)
    assert "OCSP Response Status: successful" in text and "Cert Status: good" in text
    assert "no response sent" in secure.s_client("-status", host="a.second.example", authority=authority.file)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed_by_ticket(secure, version, tmp_path):
    ticket = tmp_path / "session.pem"
    says = "GET /free/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    first = secure.s_client(version, "-sess_out", ticket, "-ign_eof", says=says)
    assert "New, TLSv1" in first and "HTTP/1.1 200" in first
    again = secure.s_client(version, "-sess_in", ticket, "-ign_eof", says=says)
    assert "Reused, TLSv1" in again and "HTTP/1.1 200" in again


def test_early_data_and_renegotiation_are_refused(secure):
    assert "Max Early Data: 0" in secure.s_client("-tls1_3", "-ign_eof", says="GET /free/x HTTP/1.0\r\nHost: a\r\n\r\n")
    text = secure.s_client("-tls1_2", says="R\n")
    assert "no renegotiation" in text or "RENEGOTIATING" in text and "verify return" not in text.split("RENEGOTIATING")[1]
    assert "Compression: NONE" in text


def test_alpn_answers_with_what_is_spoken(secure):
    assert "ALPN protocol: http/1.1" in secure.s_client("-alpn", "http/1.1")
    assert "no application protocol" in secure.s_client("-alpn", "smtp")
    assert "No ALPN negotiated" in secure.s_client()


def test_the_official_client_pays(secure, authority, payer):
    answer = official.session(payer).get(secure.url() + "/cheap/berlin", verify=str(authority.file))
    assert answer.status_code == 200, answer.text
    assert official.receipt(answer)["success"] is True


def test_http_without_tls_is_told_so(secure):
    with socket.create_connection(("127.0.0.1", secure.port), 10) as connection:
        connection.sendall(b"GET /free/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.settimeout(10)
        text = b""
        while piece := connection.recv(4096):
            text += piece
    assert text.startswith(b"HTTP/1.1 400 ") and b"https" in text
    assert b"connection: close" in text


def test_large_answers_arrive_whole_and_end_with_a_notice(secure, authority):
    secure.site.upstream.answers["/free/large"] = Answer(size=5_000_000)
    context = ssl.create_default_context(cafile=str(authority.file))
    with socket.create_connection(("127.0.0.1", secure.port), 10) as raw:
        # Without the notice at the end, reading would raise.
        with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as connection:
            connection.sendall(b"GET /free/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = b""
            while piece := connection.recv(65536):
                text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and len(body) == 5_000_000


def test_a_renewed_certificate_is_taken_over_by_itself(make_site, tmp_path):
    authority = Authority(tmp_path / "authority")
    files = authority.issue("live", ["localhost"])
    site = SecureSite(make_site(ROUTES, server={"tls": {"listen": "127.0.0.1:0", "certificates": [files]}}))

    def serial():
        text = ssl.get_server_certificate(("127.0.0.1", site.port))
        return subprocess.run(
            ["openssl", "x509", "-noout", "-serial"], input=text, capture_output=True, text=True).stdout

    def asks(connection):
        """One request and its answer, whose body is an object in JSON."""
        connection.sendall(b"GET /free/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = b""
        while not text.endswith(b"}") and (piece := connection.recv(65536)):
            text += piece
        return text

    before = serial()
    # A key without its certificate changes nothing.
    good = Path(files["key_file"]).read_text()
    Path(files["key_file"]).write_text(Path(authority.key).read_text())
    event = site.process.wait_for_event("certificates not replaced, the old ones stay in force")
    assert "is not the key of the certificate" in event["reason"]
    assert serial() == before
    Path(files["key_file"]).write_text(good)
    site.process.wait_for_event("certificates replaced")

    context = ssl.create_default_context(cafile=str(authority.file))
    with socket.create_connection(("127.0.0.1", site.port), 10) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as kept:
            assert asks(kept).startswith(b"HTTP/1.1 200")
            authority.issue("live", ["localhost"])
            wait_until(lambda: serial() != before, "the new certificate")
            assert asks(kept).startswith(b"HTTP/1.1 200")
    # A reload reads them too.
    renewed = serial()
    authority.issue("live", ["localhost"])
    site.site.reload()
    site.process.wait_for_event("reloaded")
    assert serial() != renewed


def test_a_reload_that_fails_keeps_the_old_certificates(make_site, authority):
    old, new = authority.issue("old", ["localhost"]), authority.issue("new", ["localhost"])
    site = SecureSite(make_site(ROUTES, server={"tls": {"listen": "127.0.0.1:0", "certificates": [old]}}))

    def served():
        return subject(site.s_client(authority=authority.file))

    assert served() == "CN = Test old"
    tls = site.site.config["server"]["tls"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        event = site.site.change(server={
            "listen": ["127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}"], "tls": tls | {"certificates": [new]}})
        assert event["message"] != "reloaded"
        assert served() == "CN = Test old"
    site.site.change(server={"listen": "127.0.0.1:0"})
    assert served() == "CN = Test new"


def test_a_request_for_a_host_of_another_certificate_is_misdirected(make_site, authority):
    """RFC 9110 section 15.5.20: with strict names an HTTP/2 connection is for the hosts of the certificate that it was shown."""
    certificates = [authority.issue("strict", ["localhost"]), authority.issue("other", ["*.second.example"])]
    tls = {"listen": "127.0.0.1:0", "certificates": certificates, "strict_sni": True}
    site = SecureSite(make_site(ROUTES, server={"tls": tls}))
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["h2"])
    with Client(("127.0.0.1", site.port), tls=context) as client:
        hosts = ["localhost", "a.second.example", f"localhost:{site.port}", "api.example.com", "LOCALHOST"]
        statuses = [client.fetch("/free/x", authority=host).status for host in hosts]
    assert statuses == [200, 421, 200, 421, 200]
    assert len(site.site.upstream.calls()) == 3


def test_clients_show_certificates_where_they_must(make_site, authority, tmp_path):
    files = authority.issue("guarded", ["localhost"])
    own = authority.issue("payer")
    stranger = Authority(tmp_path / "strangers").issue("stranger")
    site = SecureSite(make_site(ROUTES, server={"tls": {
        "listen": "127.0.0.1:0", "certificates": [files], "client_auth": "required",
        "client_ca_file": str(authority.file), "min_version": "1.3", "strict_sni": True}}))

    def asks(files):
        shown = ["--cert", files["cert_file"], "--key", files["key_file"]] if files else []
        return site.curl("/free/x", *shown, authority=authority.file)

    assert " 200" in asks(own).stdout.splitlines()[0]
    assert asks(None).returncode != 0
    assert asks(stranger).returncode != 0
    assert "unrecognized name" in site.s_client(host="elsewhere.example")
    assert "Cipher is (NONE)" in site.s_client("-tls1_2")


def test_a_silent_client_is_closed_and_a_stop_does_not_wait_for_it(make_site, authority):
    files = authority.issue("patient", ["localhost"])
    site = SecureSite(make_site(ROUTES, server={"tls": {
        "listen": "127.0.0.1:0", "certificates": [files], "handshake_timeout": "1s"}}))
    with socket.create_connection(("127.0.0.1", site.port), 10) as silent:
        silent.settimeout(10)
        assert silent.recv(1) == b""
    slow = make_site(ROUTES, server={"tls": {"listen": "127.0.0.1:0", "certificates": [files]}})
    with socket.create_connection(("127.0.0.1", SecureSite(slow).port), 10) as silent:
        silent.sendall(b"\x16\x03\x01")
        began = time.monotonic()
        assert slow.stop() == 0
        assert time.monotonic() - began < 8, "a handshake under way does not hold the process"


def test_check_tells_what_is_wrong_with_the_files(make_site, authority):
    files = authority.issue("checked", ["localhost"])
    other = authority.issue("other")
    site = make_site(ROUTES, start=False, server={"tls": {"certificates": [
        {"cert_file": files["cert_file"], "key_file": other["key_file"]},
        {"cert_file": "/nowhere.pem", "key_file": "/nowhere.key"}]}})
    result = program.run("check", "--config", site.file)
    assert result.returncode != 0
    text = result.stdout + result.stderr
    assert f"{other['key_file']} is not the key of the certificate" in text
    assert "server.tls.certificates[1].cert_file" in text
    assert "/nowhere.pem cannot be read: No such file or directory" in text
