"""nginx as tests use it: found on this machine, with everything that it writes in one folder."""

import shutil
from pathlib import Path


def found(name):
    """The path of a program that may stand outside of a user's path; None where it is not installed."""
    return shutil.which(name) or next((path for path in (f"/usr/sbin/{name}",) if Path(path).exists()), None)


NGINX = found("nginx")

CONFIGURATION = """
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
    large_client_header_buffers 4 32k;
    server {{
        listen {listen};
        location / {{
            {location}
        }}
    }}
}}
"""


def configuration(folder, listen, location):
    """The text of a file with one server and one location."""
    return CONFIGURATION.format(folder=folder, listen=listen, location=location)
