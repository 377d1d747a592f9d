"""JSON-RPC 2.0 over HTTP/1.1: one call or a batch per exchange, with faults between the caller and the chain."""

import json
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .encoding import RPCError
from .faults import EXECUTED, LONGEST_HANG_SECONDS

# What tests bend and look at the node with, and no client calls.
BENDING = ("dev_", "evm_", "anvil_", "hardhat_", "txpool_")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
PAGE = b"<html><body>502 Bad Gateway</body></html>"
PARSE_ERROR = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "parse error"}}


class ConnectionReset(Exception):
    """The fault that leaves the caller without an answer."""


class OtherAnswer(Exception):
    """The fault that answers with something that is no JSON-RPC."""

    def __init__(self, status, body, content_type):
        super().__init__(status)
        self.status, self.body, self.content_type = status, body, content_type


class NodeServer(ThreadingHTTPServer):
    """Listens on a port of 127.0.0.1; 0 lets the system choose."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port, methods, faults):
        super().__init__(("127.0.0.1", port), Exchange)
        self.methods, self.faults = methods, faults

    def handle_error(self, request, client_address):
        """A caller that went away is no fault of the node."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def answer(self, call):
        """The response object of one call."""
        name, parameters = call.get("method"), call.get("params") or []
        response = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            if name == "dev_faults":
                self.faults.replace(*parameters)
                return response | {"result": True}
            if name == "dev_log":
                return response | {"result": self.faults.take_log()}
            return response | {"result": self._result(name, parameters)}
        except RPCError as error:
            shown = {"code": error.code, "message": error.message}
            return response | {"error": shown if error.data is None else shown | {"data": error.data}}
        except (ConnectionReset, OtherAnswer):
            raise
        except Exception as error:
            return response | {"error": {"code": -32603, "message": f"internal: {type(error).__name__}: {error}"}}

    def _result(self, name, parameters):
        fault = self.faults.take(name, parameters)
        if fault is None:
            return self.methods.answer(name, parameters)
        if fault["kind"] == "result":
            return fault["result"]
        if fault["kind"] in EXECUTED:
            result = self.methods.answer(name, parameters)
            if fault["kind"] == "delay":
                time.sleep(fault["seconds"])
                return result
        if fault["kind"] == "hang":
            self.faults.hang(fault.get("seconds", LONGEST_HANG_SECONDS))
        raise self._failure(fault)

    @staticmethod
    def _failure(fault):
        match fault["kind"]:
            case "error" | "error_after":
                return RPCError(fault.get("code", -32000), fault.get("message", "injected"), fault.get("data"))
            case "http" | "http_after":
                return OtherAnswer(fault["status"], b'{"error":"injected"}', "application/json")
            case "garbage":
                return OtherAnswer(200, PAGE, "text/html")
            case _:
                return ConnectionReset()


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(200, b"ok", "text/plain")

    def do_POST(self):
        try:
            content = json.loads(self.body())
        except ValueError:
            return self.reply(400, json.dumps(PARSE_ERROR).encode())
        calls = content if isinstance(content, list) else [content]
        named = [call.get("method") for call in calls if not str(call.get("method")).startswith(BENDING)]
        if named:
            self.server.faults.note(named)
        try:
            responses = [self.server.answer(call) for call in calls]
        except ConnectionReset:
            return self.reset()
        except OtherAnswer as other:
            return self.reply(other.status, other.body, other.content_type)
        self.reply(200, json.dumps(responses if isinstance(content, list) else responses[0]).encode())

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def reply(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self):
        """RST, not FIN: nothing says whether the call was executed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close_connection = True
        self.connection.close()
