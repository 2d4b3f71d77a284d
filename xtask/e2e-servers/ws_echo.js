// An echo server on the npm package `ws`. Options come as one JSON argument.
const opt = JSON.parse(process.argv[2]);
const http = require("http");
const https = require("https");
const fs = require("fs");
const { WebSocketServer } = require("ws");

const web = (request, response) => {
  if (opt.page) {
    response.writeHead(200, { "Content-Type": "text/html", ...opt.pageHeaders });
    return response.end(opt.page);
  }
  response.writeHead(426, { "Content-Type": "text/plain" });
  response.end("Upgrade Required");
};
const tls = opt.cert && { cert: fs.readFileSync(opt.cert), key: fs.readFileSync(opt.key) };
const server = tls ? https.createServer(tls, web) : http.createServer(web);
const settings = { server };
if (opt.path) settings.path = opt.path;
if (opt.maxPayload) settings.maxPayload = opt.maxPayload;
if (opt.deflate) settings.perMessageDeflate = true;
if (opt.subprotocols) {
  settings.handleProtocols = (offered) => opt.subprotocols.find((name) => offered.has(name)) || false;
}
if (opt.origins) {
  // Like most applications, a client that sends no Origin is let in.
  settings.verifyClient = ({ origin }, done) => done(!origin || opt.origins.includes(origin), 403);
}
if (opt.token) {
  settings.verifyClient = ({ req }, done) =>
    done(req.headers.authorization === `Bearer ${opt.token}`, 401, "Unauthorized", { "WWW-Authenticate": "Bearer" });
}
if (opt.cookie) {
  settings.verifyClient = ({ req }, done) => done((req.headers.cookie || "").includes(opt.cookie), 401);
}
const sockets = new WebSocketServer(settings);
sockets.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  if (opt.lifetime) setTimeout(() => socket.terminate(), opt.lifetime);
  if (opt.chatter) setInterval(() => socket.readyState === 1 && socket.send("tick"), opt.chatter);
  if (opt.closeCode) socket.close(opt.closeCode, opt.closeReason || "");
});
server.listen(opt.port, opt.host || "127.0.0.1");
