"""An echo server on Tornado, at /ws. Options come as one JSON argument."""
import asyncio, json, sys
import tornado.web, tornado.websocket

opt = json.loads(sys.argv[1])


class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message, binary=isinstance(message, bytes))


async def main():
    application = tornado.web.Application([("/ws", Echo)])
    application.listen(opt["port"], "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
