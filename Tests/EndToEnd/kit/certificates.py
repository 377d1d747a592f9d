"""An authority, its certificates and its OCSP responses, made by the `openssl` command."""

import secrets
import subprocess


class Authority:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.file = folder / "authority.pem"
        self.key = folder / "authority.key"
        self._configure("authority", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        self._run("req", "-x509", "-config", folder / "authority.cnf", "-days", 2, "-out", self.file,
                  *self._new_key(self.key))

    def issue(self, name, hosts=(), days=2):
        """The paths of a new certificate and its key; the same name again is a renewal, in new files moved into place."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        names = ",".join(f"IP:{host}" if host[0].isdigit() else f"DNS:{host}" for host in hosts)
        self._configure(name, "extendedKeyUsage=serverAuth,clientAuth\n" + (f"subjectAltName={names}\n" if names else ""))
        made = [self.folder / f"{name}.new.pem", self.folder / f"{name}.new.key"]
        request = self.folder / f"{name}.csr"
        self._run("req", "-new", "-config", self.folder / f"{name}.cnf", "-out", request, *self._new_key(made[1]))
        self._run("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-set_serial",
                  secrets.randbits(63), "-days", days, "-extfile", self.folder / f"{name}.cnf", "-extensions", "ext",
                  "-out", made[0])
        made[0].rename(certificate)
        made[1].rename(key)
        return {"cert_file": str(certificate), "key_file": str(key)}

    def status(self, name):
        """The path of a response that says that the certificate is good."""
        certificate, response = self.folder / f"{name}.pem", self.folder / f"{name}.ocsp"
        serial = self._run("x509", "-in", certificate, "-noout", "-serial").strip().removeprefix("serial=")
        index, request = self.folder / "index.txt", self.folder / "request.der"
        index.write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN={name}\n")
        self._run("ocsp", "-issuer", self.file, "-cert", certificate, "-reqout", request, "-no_nonce")
        self._run("ocsp", "-index", index, "-CA", self.file, "-rsigner", self.file, "-rkey", self.key, "-reqin", request,
                  "-respout", response, "-ndays", 1)
        return str(response)

    def _configure(self, name, extensions):
        (self.folder / f"{name}.cnf").write_text(
            "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n"
            f"[dn]\nCN=Test {name}\n[ext]\n{extensions}")

    @staticmethod
    def _new_key(path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path

    @staticmethod
    def _run(*arguments):
        made = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30)
        assert made.returncode == 0, made.stderr
        return made.stdout
