"""A Starlette application for uvicorn and daphne: an echo at /ws, and routes that refuse in the usual ways."""
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute


async def echo(socket):
    await socket.accept()
    async for message in messages(socket):
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


async def messages(socket):
    while (message := await socket.receive())["type"] == "websocket.receive":
        yield message


async def same_origin(socket):
    # Refuses foreign pages as Django Channels' AllowedHostsOriginValidator does.
    origin = socket.headers.get("origin")
    if origin and origin.split("//")[-1] != socket.headers["host"]:
        return await socket.close(4403)
    await echo(socket)


async def close_before_accept(socket):
    await socket.close(4401)


async def close_after_accept(socket):
    await socket.accept()
    await socket.close(4401, "token expired")


async def home(request):
    return PlainTextResponse("chat application")


application = Starlette(
    routes=[
        Route("/", home),
        WebSocketRoute("/ws", echo),
        WebSocketRoute("/same-origin", same_origin),
        WebSocketRoute("/members", close_before_accept),
        WebSocketRoute("/members-open", close_after_accept),
    ]
)
