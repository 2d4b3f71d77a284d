"""An echo server on aiohttp, at /ws. Options come as one JSON argument."""
import json, sys
from aiohttp import web, WSMsgType

opt = json.loads(sys.argv[1])


async def handle(request):
    if opt.get("raise"):
        raise RuntimeError("the session store cannot be reached")
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


application = web.Application()
application.router.add_get("/ws", handle)
web.run_app(application, host="127.0.0.1", port=opt["port"], print=None)
