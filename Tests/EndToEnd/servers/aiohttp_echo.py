"""aiohttp's server."""

import os

from aiohttp import web
from echo import record


async def handle(request):
    body = await request.read()
    return web.Response(body=record(request.method, request.raw_path, body), content_type="application/json")


app = web.Application(client_max_size=1 << 24)
app.router.add_route("*", "/{rest:.*}", handle)
web.run_app(app, path=os.environ["SOCKET"], access_log=None, print=None, keepalive_timeout=60)
