"""An echo server on the Python package `websockets`. Options come as one JSON argument."""
import asyncio, json, sys, time
from websockets.asyncio.server import serve

opt = json.loads(sys.argv[1])


async def handle(connection):
    if opt.get("close"):
        await connection.close(opt["close"], opt.get("reason", ""))
        return
    if opt.get("block"):
        # The classic fault: work that never yields to the event loop.
        time.sleep(opt["block"])
    async for message in connection:
        await connection.send(message)


async def main():
    settings = {k: opt[k] for k in ("origins", "subprotocols", "max_size", "ping_interval") if k in opt}
    async with serve(handle, opt.get("host", "127.0.0.1"), opt["port"], **settings):
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
