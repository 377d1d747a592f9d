"""Real load balancers in front of the paywall: each on a free port of the loopback, whose socket it is handed."""

import os
import shutil
import socket
import subprocess
from pathlib import Path


def found(name):
    return shutil.which(name) or next((path for path in (f"/usr/sbin/{name}",) if Path(path).exists()), None)


HAPROXY, NGINX = found("haproxy"), found("nginx")

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

NGINX_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err crit;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{own_port};
        location / {{
            proxy_pass http://{host}:{port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            {rules}
        }}
    }}
}}
"""


class Balancer:
    """One running balancer; `address` is where its clients connect."""

    def __init__(self, program, configuration, folder, behind, **parts):
        folder.mkdir()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.address = self.socket.getsockname()
        descriptor = self.socket.fileno()
        text = configuration.format(
            folder=folder, descriptor=descriptor, own_port=self.address[1], host=behind[0], port=behind[1], **parts)
        file = folder / "balancer.conf"
        file.write_text(text)
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
    return Balancer(HAPROXY, HAPROXY_CONFIGURATION, folder, behind, mode=mode, rules=rules, options=options)


def nginx(folder, behind, rules=""):
    return Balancer(NGINX, NGINX_CONFIGURATION, folder, behind, rules=rules)
