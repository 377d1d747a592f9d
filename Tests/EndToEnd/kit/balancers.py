"""Real load balancers in front of the paywall: each on a free port of the loopback, whose socket it is handed."""

import os
import socket
import subprocess

from .nginx import NGINX, configuration, found

HAPROXY = found("haproxy")

HAPROXY_CONFIGURATION = """
defaults
    mode {mode}
    timeout connect 5s
    timeout client 15s
    timeout server 15s
frontend in
    bind fd@{descriptor}
    {rules}
    default_backend out
backend out
    server behind {host}:{port} {options}
"""

NGINX_LOCATION = """proxy_pass http://{host}:{port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            {rules}"""


class Balancer:
    """One running balancer; `address` is where its clients connect."""

    def __init__(self, program, folder, write):
        """`write(address, descriptor)` makes its file, for a socket that it is handed."""
        folder.mkdir()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.address = self.socket.getsockname()
        descriptor = self.socket.fileno()
        file = folder / "balancer.conf"
        file.write_text(write(self.address, descriptor))
        command = [program, "-f", file, "-db"] if program == HAPROXY else [program, "-p", folder, "-c", file]
        # nginx finds the sockets of the process before it in this variable.
        self.process = subprocess.Popen(
            command, pass_fds=[descriptor], env=os.environ | {"NGINX": f"{descriptor};"}, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=10)
        self.socket.close()


def haproxy(folder, behind, mode="tcp", rules="", options=""):
    return Balancer(HAPROXY, folder, lambda _, descriptor: HAPROXY_CONFIGURATION.format(
        mode=mode, rules=rules, options=options, descriptor=descriptor, host=behind[0], port=behind[1]))


def nginx(folder, behind, rules=""):
    location = NGINX_LOCATION.format(host=behind[0], port=behind[1], rules=rules)
    return Balancer(NGINX, folder, lambda address, _: configuration(folder, f"127.0.0.1:{address[1]}", location))
