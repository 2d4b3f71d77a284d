// A client on the npm package `ws`: opens the address, has three messages echoed, closes. Options as one JSON argument.
// The last word that the repair of a proxy has: a program that knows nothing of ours talks through it.
const opt = JSON.parse(process.argv[2]);
const { WebSocket } = require("ws");

const socket = new WebSocket(opt.url, opt.subprotocols || [], { headers: opt.headers || {}, origin: opt.origin, handshakeTimeout: 5000 });
const messages = ["hello", "x".repeat(70000), "bye"];
let at = 0;
const fail = (why) => {
  console.log(why);
  process.exit(1);
};
setTimeout(() => fail("no answer within 8 s"), 8000).unref();
socket.on("error", (error) => fail(error.message));
socket.on("open", () => socket.send(messages[0]));
socket.on("message", (data) => {
  if (data.toString() !== messages[at]) return; // a greeting of the server
  at += 1;
  if (at < messages.length) return socket.send(messages[at]);
  socket.close(1000);
});
socket.on("close", () => (at === messages.length ? process.exit(0) : fail(`closed after ${at} messages`)));
