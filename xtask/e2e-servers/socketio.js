// A Socket.IO server. Options come as one JSON argument.
const opt = JSON.parse(process.argv[2]);
const http = require("http");
const { Server } = require("socket.io");

const server = http.createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/html" });
  response.end("<!doctype html><title>Socket.IO application</title>");
});
const io = new Server(server, opt.settings || {});
io.on("connection", (socket) => socket.onAny((...words) => socket.emit(...words)));
server.listen(opt.port, "127.0.0.1");
