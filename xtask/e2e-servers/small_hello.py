"""A middlebox that resets a connection whose ClientHello is long. Options come as one JSON argument.

Post-quantum key shares (1,184 bytes of ML-KEM-768) make a ClientHello longer than one segment, which some
boxes cannot read.
"""
import asyncio, json, socket, struct, sys

opt = json.loads(sys.argv[1])
LONGEST = 1200


async def relay(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def serve(reader, writer):
    try:
        head = await reader.readexactly(5)
    except (asyncio.IncompleteReadError, OSError):
        return writer.close()
    if head[0] == 22 and struct.unpack(">H", head[3:5])[0] > LONGEST:
        # Linger of zero turns the close into a reset.
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return writer.transport.abort()
    to_reader, to_writer = await asyncio.open_connection("127.0.0.1", opt["to"])
    to_writer.write(head)
    await asyncio.gather(relay(reader, to_writer), relay(to_reader, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", opt["port"])
    await server.serve_forever()


asyncio.run(main())
