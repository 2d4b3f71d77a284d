// An ordinary HTTP application that knows no WebSocket. Options come as one JSON argument.
const opt = JSON.parse(process.argv[2]);
const http = require("http");
const server = http.createServer((request, response) => {
  response.writeHead(opt.status || 200, { "Content-Type": "text/html", ...opt.headers });
  response.end(opt.body || "<!doctype html><title>Shop</title><div id=app></div>");
});
server.listen(opt.port, "127.0.0.1");
