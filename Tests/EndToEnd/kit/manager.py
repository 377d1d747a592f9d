"""A service manager as the program sees one: sockets that it passes, and a socket that it is told things at."""

import os
import socket
import sys
import threading

from .polling import wait_until

# Runs a program with descriptors from 3 on and the variables of sd_listen_fds(3), which hold its own process id.
PASS = """
import os, sys
count, names, *command = sys.argv[1:]
for number, source in enumerate(os.environ.pop("PASSED").split(",")):
    os.dup2(int(source), 200 + number)
for number in range(int(count)):
    os.dup2(200 + number, 3 + number)
    os.close(200 + number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count, LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def passing(command, sockets):
    """The command with sockets passed to it, the variables that it needs and the descriptors to let through."""
    descriptors = [each.fileno() for each in sockets.values()]
    wrapped = [sys.executable, "-c", PASS, str(len(sockets)), ":".join(sockets), *command]
    return wrapped, {"PASSED": ",".join(map(str, descriptors))}, descriptors


def listening(backlog=512):
    """A socket that listens and that nobody accepts from."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(backlog)
    return listener


class NoticeSocket:
    """Receives what a program tells its manager (sd_notify(3)); `abstract` names have no file."""

    def __init__(self, folder, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A path of a socket has 107 bytes at most.
        name = f"farebox-{os.getpid()}-{folder.name}" if abstract else str(folder / "notify")
        self.socket.bind("\0" + name if abstract else name)
        self.environment = {"NOTIFY_SOCKET": "@" + name if abstract else name}
        self.notices = []
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except OSError:
                return
            self.notices.append(dict(line.split("=", 1) for line in text.split("\n")))

    def all(self, name):
        return [notice for notice in list(self.notices) if name in notice]

    def wait_for(self, name, count=1, timeout=15):
        return wait_until(lambda: len(self.all(name)) >= count and self.all(name)[count - 1], f"notice {name}", timeout)

    def close(self):
        self.socket.close()
