"""Listens with a backlog of one, never accepts, and fills its own queue. Options come as one JSON argument."""
import json, socket, sys, time

opt = json.loads(sys.argv[1])
listener = socket.create_server(("127.0.0.1", opt["port"]), backlog=1)
waiting = []
for _ in range(4):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", opt["port"]))
    waiting.append(client)
time.sleep(3600)
