"""A WSGI application, for gunicorn; run by itself it is served by waitress."""

import os

from echo import record


def app(environ, start_response):
    body = environ["wsgi.input"].read()
    target = environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"] if environ["QUERY_STRING"] else "")
    answer = record(environ["REQUEST_METHOD"], target, body)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


if __name__ == "__main__":
    import waitress

    waitress.serve(app, unix_socket=os.environ["SOCKET"], channel_timeout=60)
