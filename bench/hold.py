"""Memory of a server that is idle, and with many idle connections."""

import re
import resource
import socket
import ssl
from pathlib import Path


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def hold(pid, port, count, target, tls=False):
    """Opens `count` keep-alive connections, has one answer on each, and returns (bytes before, bytes more per connection)."""
    context = ssl._create_unverified_context() if tls else None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        raise SystemExit(f"this shell allows {hard} open files; {count} connections need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    request = f"GET {target} HTTP/1.1\r\nHost: api.example.com\r\n\r\n".encode()
    before, held = resident_bytes(pid), []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        if context:
            connection = context.wrap_socket(connection, server_hostname="api.example.com")
        connection.sendall(request)
        if not connection.recv(65536).startswith(b"HTTP/1.1 "):
            raise SystemExit("a held connection got no answer")
        held.append(connection)
    after = resident_bytes(pid)
    for connection in held:
        connection.close()
    return before, (after - before) / count
