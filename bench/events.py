"""An upstream that streams a megabyte of events, each in a write of its own as inference servers do, or all at once.

    bench/events.py PORT
"""

import socket
import sys
import threading

EVENT = (b'data: {"id":"chatcmpl-8a6d2f","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-mini","choices":'
         b'[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n')
COUNT = (1 << 20) // len(EVENT)
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":%d}}\n\ndata: [DONE]\n\n' % COUNT
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


ONE, END = chunk(EVENT), chunk(USAGE) + b"0\r\n\r\n"
WHOLE = HEAD + chunk(EVENT * COUNT) + END


def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while head := connection.recv(65536):
            if b"/whole" in head.split(b"\r\n", 1)[0]:
                connection.sendall(WHOLE)
                continue
            connection.sendall(HEAD)
            for _ in range(COUNT):
                connection.sendall(ONE)
            connection.sendall(END)
    except OSError:
        pass
    finally:
        connection.close()


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


main()
