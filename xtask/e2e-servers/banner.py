"""Greets in a protocol that is not HTTP. Options come as one JSON argument."""
import json, socketserver, sys

opt = json.loads(sys.argv[1])


class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"220 hello from mail.keepwire.test ESMTP\r\n")
        self.request.recv(4096)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", opt["port"]), Greeter).serve_forever()
