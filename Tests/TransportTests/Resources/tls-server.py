"""A small HTTP/1.1 server over TLS. Arguments: certificate, key, highest version ("" for any).

Prints its port, serves until its standard input ends, and answers by path: see `answer`.
"""

import json
import socket
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.set_alpn_protocols(["h2", "http/1.1"])
if sys.argv[3]:
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion[sys.argv[3]]

names = {}
endings = {}
ended = threading.Condition()


def note_name(connection, name, _):
    names[connection] = name


context.sni_callback = note_name


def read_request(stream):
    line = stream.readline()
    if not line:
        return None
    length = 0
    while True:
        field = stream.readline()
        if field in (b"\r\n", b""):
            break
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return line.split()[1].decode(), stream.read(length)


def fixed(body):
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def chunked(body):
    chunks = [body[start : start + 10000] for start in range(0, len(body), 10000)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"


def answer(connection, number, path, body):
    """Returns the answer, and how the connection ends after it: None to go on."""
    if path == "/about":
        about = {
            "connection": number,
            "name": names.get(connection),
            "protocol": connection.selected_alpn_protocol(),
            "version": connection.version(),
        }
        return fixed(json.dumps(about).encode()), None
    if path == "/echo":
        return chunked(body), None
    if path == "/until-close":
        return b"HTTP/1.1 200 OK\r\n\r\nall of it", "announced"
    if path == "/truncated":
        return b"HTTP/1.1 200 OK\r\n\r\nall of", "silent"
    if path.startswith("/ending/"):
        with ended:
            ended.wait_for(lambda: int(path[8:]) in endings)
        return fixed(endings[int(path[8:])].encode()), None
    return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", None


def serve(raw, number):
    ending = "unannounced"
    try:
        connection = context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
        stream = connection.makefile("rb")
        while True:
            request = read_request(stream)
            if request is None:
                ending = "announced"
                break
            text, end = answer(connection, number, *request)
            connection.sendall(text)
            if end == "announced":
                connection.unwrap()
            if end:
                break
        stream.close()
        connection.close()
    except OSError:
        raw.close()
    with ended:
        endings[number] = ending
        ended.notify_all()


def accept(listener):
    number = 0
    while True:
        raw, _ = listener.accept()
        number += 1
        threading.Thread(target=serve, args=(raw, number), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0), backlog=256)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
