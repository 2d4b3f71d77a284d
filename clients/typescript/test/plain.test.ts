import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, KeepwireSocket } from "../src/index.js";
import { settle } from "../src/testing.js";
import { make } from "./helpers.js";

test("it opens, and what was sent before goes out then", async () => {
  const { socket, network, log } = make();
  assert.equal(socket.readyState, 0);
  assert.equal(socket.url, "wss://chat.example/ws");
  socket.send("early");
  await settle();
  assert.deepEqual(network.last.protocols, ["chat"]);
  assert.equal(socket.bufferedAmount, 5);
  network.last.open();
  await settle();
  assert.deepEqual(network.last.sent, ["early"]);
  assert.equal(socket.readyState, KeepwireSocket.OPEN);
  assert.equal(socket.protocol, "chat");
  assert.equal(socket.bufferedAmount, 0);
  network.last.receive("hello");
  assert.deepEqual(log, ["open", "up false", "message hello"]);
});

test("handlers in the old style", async () => {
  const { socket, network } = make();
  const seen: unknown[] = [];
  socket.onopen = () => seen.push("open");
  socket.onmessage = ({ data }) => seen.push(data);
  socket.onclose = ({ code }) => seen.push(code);
  await settle();
  network.last.open();
  network.last.receive("hello");
  network.last.drop(4000);
  await settle();
  assert.deepEqual(seen, ["open", "hello", 4000]);
});

test("an address of the page, and http for ws", () => {
  assert.equal(make({}, "/ws?room=1").socket.url, "wss://app.example/ws?room=1");
  assert.equal(make({}, "http://localhost:8080/").socket.url, "ws://localhost:8080/");
  assert.throws(() => new KeepwireSocket("wss://["), TypeError);
});

test("it comes back after a cut, with waits that grow, and forgets them only after a healthy link", async () => {
  const { socket, network, clock, log } = make();
  clock.chance = 1;
  await settle();
  network.last.open();
  await settle();
  network.last.drop();
  await settle();
  assert.deepEqual(log.splice(0), ["open", "up false", "down closed 500"]);
  assert.equal(socket.readyState, 0);
  await clock.advance(499);
  assert.equal(network.sockets.length, 1);
  await clock.advance(1);
  assert.equal(network.sockets.length, 2);
  network.last.drop();
  await settle();
  assert.deepEqual(log.splice(0), ["down closed 1000"]);
  await clock.advance(1000);
  network.last.open();
  await clock.advance(7999);
  network.last.drop();
  await settle();
  assert.deepEqual(log.splice(0), ["open", "up false", "down closed 2000"]);
  await clock.advance(2000);
  network.last.open();
  await clock.advance(8000);
  network.last.drop(1012);
  await settle();
  assert.deepEqual(log.splice(0), ["open", "up false", "down closed 500"]);
});

test("codes that end it, and codes that do not", async () => {
  for (const [code, final] of [[1000, true], [1008, true], [1011, false], [1013, false], [4499, true], [4500, false]] as const) {
    const { socket, network, clock, log } = make();
    await settle();
    network.last.open();
    network.last.drop(code, "why");
    await settle();
    assert.equal(socket.readyState, final ? 3 : 0, String(code));
    assert.equal(log.at(-1), final ? `close ${code} true 0` : "down closed 375");
    assert.equal(clock.waiting, final ? 0 : 1);
  }
});

test("a connection that does not open is given up after 8 s", async () => {
  const { network, clock, log } = make();
  await clock.advance(7999);
  assert.deepEqual(log, []);
  await clock.advance(1);
  assert.deepEqual(log, ["down broken 375"]);
  assert.ok(network.sockets[0]!.closed);
  await clock.advance(375);
  assert.equal(network.sockets.length, 2);
  // Late news of the first one are nothing.
  network.sockets[0]!.open();
  await settle();
  assert.deepEqual(log, ["down broken 375"]);
});

test("the address is asked for before each try, and a failure is tried again", async () => {
  let asked = 0;
  const { network, clock, log } = make({}, () => {
    asked++;
    if (asked == 2) throw Error("no token");
    return `wss://chat.example/ws?try=${asked}`;
  });
  await settle();
  assert.equal(network.last.url, "wss://chat.example/ws?try=1");
  network.last.drop();
  await clock.advance(375);
  assert.deepEqual(log, ["down closed 375", "down broken 625"]);
  await clock.advance(625);
  assert.equal(network.last.url, "wss://chat.example/ws?try=3");
});

test("whoever is logged out is not tried again", async () => {
  const { network, log, clock } = make({ credentials: () => null });
  await clock.advance(60000);
  assert.equal(network.sockets.length, 0);
  assert.deepEqual(log, ["close 4003 true 0"]);
});

test("the queue is bounded, and what is not sent is given back", async () => {
  const { socket, events } = make({ queue: { messages: 2 } });
  assert.deepEqual(["a", "b", "c"].map((one) => socket.send(one)), [true, true, false]);
  socket.close();
  await settle();
  assert.deepEqual(events.at(-1).undelivered, [{ data: "a", uncertain: false }, { data: "b", uncertain: false }]);
  assert.equal(socket.send("d"), false);

  const other = make({ queue: { bytes: 4, drop: "old" } });
  ["aa", "bb", "cc"].forEach((one) => other.socket.send(one));
  await settle();
  other.network.last.open();
  await settle();
  assert.deepEqual(other.network.last.sent, ["bb", "cc"]);
});

test("who is open again sends first what belongs first", async () => {
  const { socket, network, clock } = make();
  socket.addEventListener("open", () => socket.send("subscribe"));
  await settle();
  network.last.open();
  network.last.drop();
  await settle();
  socket.send("late");
  await clock.advance(1000);
  network.last.open();
  await settle();
  assert.deepEqual(network.last.sent, ["subscribe", "late"]);
});

test("bytes come as they are wanted", async () => {
  const { socket, network, events } = make();
  await settle();
  network.last.open();
  network.last.receive(Uint8Array.of(1, 2));
  assert.ok(events.at(-1).data instanceof Blob);
  socket.binaryType = "arraybuffer";
  network.last.receive(Uint8Array.of(1, 2));
  assert.deepEqual(new Uint8Array(events.at(-1).data), Uint8Array.of(1, 2));
  socket.send(new Blob(["blob"]));
  socket.send("after");
  await new Promise((then) => setImmediate(then));
  await settle();
  assert.equal(Buffer.from(network.last.sent[0]).toString(), "blob");
  assert.equal(network.last.sent[1], "after");
});

test("close", async () => {
  const { socket, network, clock, log } = make();
  await settle();
  network.last.open();
  await settle();
  assert.throws(() => socket.close(1001), RangeError);
  assert.throws(() => socket.close(1000, "é".repeat(62)), RangeError);
  socket.close(4321, "bye");
  assert.equal(socket.readyState, KeepwireSocket.CLOSING);
  await settle();
  assert.deepEqual(network.last.closed, { code: 4321, reason: "bye" });
  network.last.drop(4321, "bye");
  await settle();
  assert.equal(log.at(-1), "close 4321 true 0");
  assert.equal(clock.waiting, 0);

  const silent = make();
  await settle();
  silent.network.last.open();
  silent.socket.close();
  await silent.clock.advance(5000);
  assert.equal(silent.log.at(-1), "close 1006 false 0");
  assert.equal(silent.clock.waiting, 0);
});

test("the network is back: no wait", async () => {
  const { network, clock, page } = make();
  clock.chance = 1;
  await settle();
  for (let tries = 0; tries < 5; tries++) {
    network.last.drop();
    await clock.advance(tries < 4 ? 20000 : 0);
  }
  const before = network.sockets.length;
  await clock.advance(5000);
  assert.equal(network.sockets.length, before);
  page.tell("online");
  await settle();
  assert.equal(network.sockets.length, before + 1);
});

test("after a long sleep the connection is taken for dead", async () => {
  const { socket, network, clock, log } = make();
  await settle();
  network.last.open();
  await clock.advance(1000);
  await clock.sleep(60000);
  assert.equal(network.sockets.length, 1);
  await clock.sleep(600000);
  assert.deepEqual(log.splice(0), ["open", "up false", "down known 0"]);
  assert.equal(network.sockets.length, 2);
  // What is sent now is not for the dead one.
  socket.send("after");
  network.last.open();
  await settle();
  assert.deepEqual(network.last.sent, ["after"]);
});

test("a clock that is set back delays nothing", async () => {
  const { network, clock } = make();
  await settle();
  network.last.drop();
  await settle();
  clock.time -= 3_600_000;
  const [timer] = [clock.waiting];
  assert.equal(timer, 1);
  await clock.advance(3_600_000 + 375);
  assert.equal(network.sockets.length > 1, true);
});

test("a page that goes to the back/forward cache, and comes back", async () => {
  const { network, clock, page, log } = make();
  await settle();
  network.last.open();
  await settle();
  page.tell("pagehide", { persisted: true });
  assert.ok(network.last.closed);
  assert.equal(clock.waiting, 0);
  network.last.drop();
  await clock.advance(60000);
  assert.equal(network.sockets.length, 1);
  page.tell("pageshow", { persisted: true });
  await settle();
  assert.equal(network.sockets.length, 2);
  network.last.open();
  await settle();
  assert.deepEqual(log, ["open", "up false", "down parked Infinity", "open", "up false"]);
});

test("a plain connection is left to the browser when the page goes away for good", async () => {
  const { network, page, log } = make();
  await settle();
  network.last.open();
  await settle();
  page.tell("pagehide", { persisted: false });
  assert.equal(network.last.closed, undefined);
  assert.deepEqual(log, ["open", "up false"]);
});

test("connect is the same without new", () => {
  const socket = connect("wss://chat.example/ws", { WebSocket: class {} });
  assert.ok(socket instanceof KeepwireSocket);
  socket.close();
});
