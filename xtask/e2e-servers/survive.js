// One client through chaos: sends numbered messages, wants each back once. Options come as one JSON argument: kind, url,
// count, every (milliseconds between messages), client (our module), quiet (milliseconds without news that end it).
const opt = JSON.parse(process.argv[2]);
const { WebSocket } = require("ws");

const seen = new Map();
let sent = 0, last = Date.now(), awayAt, away = [], reset = 0;
const heard = (text) => {
  last = Date.now();
  const number = Number(String(text).split(" ")[0]);
  seen.set(number, (seen.get(number) || 0) + 1);
};
const down = () => (awayAt ??= Date.now());
const up = () => {
  if (awayAt) away.push(Date.now() - awayAt);
  awayAt = undefined;
};

// Each client as its own documentation shows it, with its defaults.
const clients = {
  async keepwire() {
    const { connect, resume, fallback } = await import(opt.client);
    const socket = connect(opt.url, { WebSocket, resume: resume(), fallback: fallback() });
    socket.addEventListener("up", up);
    socket.addEventListener("down", down);
    socket.addEventListener("reset", () => reset++);
    socket.onmessage = ({ data }) => heard(data);
    return (text) => socket.send(text);
  },
  async "socket.io"() {
    const { io } = require("socket.io-client");
    const socket = io(opt.url.replace("ws", "http"));
    socket.on("connect", up);
    socket.on("disconnect", down);
    socket.on("echo", heard);
    return (text) => socket.emit("echo", text);
  },
  async partysocket() {
    const { default: Party } = require("partysocket/ws");
    const socket = new Party(opt.url, [], { WebSocket });
    socket.addEventListener("open", up);
    socket.addEventListener("close", down);
    socket.addEventListener("error", () => {});
    socket.addEventListener("message", ({ data }) => heard(data));
    // What it queues it calls false, too: nothing has to be sent again.
    return (text) => void socket.send(text);
  },
  async "reconnecting-websocket"() {
    const Reconnecting = require("reconnecting-websocket");
    const socket = new Reconnecting(opt.url, [], { WebSocket });
    socket.addEventListener("open", up);
    socket.addEventListener("close", down);
    socket.addEventListener("error", () => {});
    socket.addEventListener("message", ({ data }) => heard(data));
    return (text) => socket.send(text);
  },
};

clients[opt.kind]().then((send) => {
  const timer = setInterval(() => {
    if (sent < opt.count) {
      // A queue that is full says so; whoever does not look loses.
      if (send(`${sent} ${"x".repeat(40)}`) === false) return;
      sent++;
      if (sent === opt.count) last = Date.now();
    } else if (seen.size === opt.count || Date.now() - last > opt.quiet) {
      clearInterval(timer);
      away.sort((a, b) => a - b);
      const doubled = [...seen.values()].reduce((sum, times) => sum + times - 1, 0);
      const middle = away.length ? away[Math.floor(away.length / 2)] : null;
      console.log(JSON.stringify({ sent, lost: opt.count - seen.size, doubled, drops: away.length, away_ms: middle, reset }));
      process.exit(0);
    }
  }, opt.every);
});
process.on("uncaughtException", (error) => console.error(String(error)));
