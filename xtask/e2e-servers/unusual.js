// Healthy WebSocket servers with one unusual habit each, on the npm package `ws`. Options come as one JSON argument;
// without any it echoes.
const opt = JSON.parse(process.argv[2]);
const http = require("http");
const https = require("https");
const fs = require("fs");
const { WebSocketServer } = require("ws");

const web = (request, response) => {
  // An interim answer, as pages with a critical style sheet send it (RFC 8297).
  if (opt.earlyHints) response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
  if (opt.page) {
    response.writeHead(200, { "Content-Type": "text/html", ...opt.pageHeaders });
    return response.end(opt.page + " ".repeat(opt.pageBytes || 0));
  }
  response.writeHead(426, { "Content-Type": "text/plain" });
  response.end("Upgrade Required");
};

const server = opt.cert
  ? https.createServer({ cert: fs.readFileSync(opt.cert), key: fs.readFileSync(opt.key), ...opt.tls }, web)
  : http.createServer(web);

const settings = { noServer: true, autoPong: !opt.slowPong, perMessageDeflate: opt.deflate || false };
if (opt.subprotocols) {
  settings.handleProtocols = (offered) => opt.subprotocols.find((name) => offered.has(name)) || false;
}
const sockets = new WebSocketServer(settings);

// What the handshake must carry; anything else is refused.
const refusal = (request) => {
  const query = new URL(request.url, "http://localhost").searchParams;
  if (opt.origins && !opt.origins.includes(request.headers.origin) && (request.headers.origin || opt.originNeeded)) {
    return "403 Forbidden";
  }
  if (opt.param && query.get(opt.param[0]) !== opt.param[1]) return "401 Unauthorized";
  if (opt.agentNeeded && !request.headers["user-agent"]) return "403 Forbidden";
  if (opt.one === "refuse" && sockets.clients.size > 0) return "503 Service Unavailable";
  return null;
};

server.on("upgrade", (request, socket, head) => {
  socket.on("error", () => {});
  const no = refusal(request);
  if (no) return socket.end(`HTTP/1.1 ${no}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  const go = () => sockets.handleUpgrade(request, socket, head, (client) => serve(client));
  opt.slowSwitch ? setTimeout(go, opt.slowSwitch) : go();
});
// Headers that proxies, frameworks and session libraries add to a 101.
if (opt.switchHeaders) sockets.on("headers", (headers) => headers.push(...opt.switchHeaders));

const payload = (size, binary) => (binary ? Buffer.alloc(size, 7) : "x".repeat(size));

function serve(client) {
  client.on("error", () => {});
  if (opt.one === "cut") {
    for (const other of sockets.clients) if (other !== client) other._socket.destroy();
  }
  if (opt.one === "replace") {
    for (const other of sockets.clients) if (other !== client) other.close(4001, "replaced by a newer connection");
  }
  for (const [count, size, binary] of opt.hello || []) {
    for (let n = 0; n < count; n++) client.send(payload(size, binary));
  }
  if (opt.fragments) {
    for (let n = 0; n < opt.fragments; n++) {
      client.send("é", { fin: false });
      client.ping("between");
    }
    client.send("", { fin: true });
  }
  if (opt.thenClose) client.close(opt.thenClose);
  if (opt.pingEvery) setInterval(() => client.readyState === 1 && client.ping(opt.pingPayload || ""), opt.pingEvery);
  if (opt.pongEvery) setInterval(() => client.readyState === 1 && client.pong("heartbeat"), opt.pongEvery);
  if (opt.slowPong) client.on("ping", (data) => setTimeout(() => client.readyState === 1 && client.pong(data), opt.slowPong));
  // graphql-transport-ws: 4408 where no connection_init comes in time, 4400 for anything else.
  if (opt.initTimeout) setTimeout(() => client.close(4408, "Connection initialisation timeout"), opt.initTimeout);
  if (opt.closing === "deaf") client._receiver.removeAllListeners("conclude");
  if (opt.closing === "abrupt") {
    client._receiver.removeAllListeners("conclude");
    client._receiver.on("conclude", () => client._socket.destroy());
  }
  if (opt.closing === "reset") {
    client._receiver.removeAllListeners("conclude");
    client._receiver.on("conclude", () => client._socket.resetAndDestroy());
  }
  if (opt.closing === "own-code") {
    client._receiver.removeAllListeners("conclude");
    client._receiver.on("conclude", () => client.close(4000, "bye"));
  }
  client.on("message", (data, isBinary) => {
    if (opt.answer === "nothing") return;
    if (opt.answer === "end") return client._socket.destroy();
    if (opt.answer === "binary") return client.send(data, { binary: true });
    if (opt.answer === "done") return client.send('{"result":42}', () => client.close(1000));
    if (Array.isArray(opt.answer)) return client.close(opt.answer[0], opt.answer[1]);
    if (opt.textOnly && isBinary) return client.close(1003, "only text");
    if (opt.answer) return client.send(opt.answer);
    client.send(data, { binary: isBinary });
  });
}
server.listen(opt.port, opt.host || "127.0.0.1");
