import assert from "node:assert/strict";
import { test } from "node:test";
import { resume } from "../src/resume.js";
import { settle } from "../src/testing.js";
import { begun, data, got, kinds, make, resumed, tell, text, WELCOME } from "./helpers.js";

test("a session begins", async () => {
  const { socket, network, clock, log } = make({ resume: resume({ agent: "test/1" }), credentials: async () => "secret" });
  socket.send("early");
  await settle();
  const link = network.last;
  assert.deepEqual(link.protocols, ["keepwire.v1", "chat"]);
  link.open("keepwire.v1");
  await settle();
  assert.deepEqual(got(link), [{ kind: "HELLO", version: 1, credit: 262144, credentials: "secret", agent: "test/1" }]);
  assert.equal(socket.readyState, 0);
  await tell(link, WELCOME);
  assert.equal(socket.readyState, 1);
  assert.equal(socket.protocol, "chat");
  const [ping, first] = got(link);
  assert.equal(ping!.kind, "PING");
  assert.equal(text(first!.payload), "early");
  assert.equal(socket.bufferedAmount, 5);
  await tell(link, { kind: "ACK", number: 1, credit: 262144 }, data(1, "hello"));
  assert.equal(socket.bufferedAmount, 0);
  assert.deepEqual(log, ["open", "up false", "message hello"]);
  await clock.advance(250);
  assert.deepEqual(got(link), [{ kind: "ACK", number: 1, credit: 262144 + 13 }]);
});

test("what is sent in one turn goes in one message", async () => {
  const { socket, link } = await begun({ resume: resume() });
  socket.send("a");
  socket.send("b");
  await settle();
  assert.equal(link.sent.length, 1);
  assert.equal(kinds(link), "DATA DATA");
});

test("a cut, and nothing is lost or doubled", async () => {
  const { socket, network, link, clock, log } = await begun({ resume: resume() });
  socket.send("one");
  await settle();
  await tell(link, data(1, "uno"));
  link.drop();
  await settle();
  socket.send("two");
  assert.equal(socket.readyState, 1);
  await clock.advance(375);
  network.last.open("keepwire.v1");
  await settle();
  const [back] = got(network.last);
  assert.deepEqual([back!.kind, back!.received, back!.held, back!.attempt], ["RESUME", 1, 1, 2]);
  await tell(network.last, resumed(2, 1, 1), data(1, "uno"), data(2, "due"));
  const sent = got(network.last).filter(({ kind }) => kind == "DATA");
  assert.deepEqual(sent.map(({ number, payload }) => [number, text(payload)]), [[2, "two"]]);
  assert.deepEqual(log, ["message uno", "down closed 375", "up true", "message due"]);
});

test("a bare close ends no session, whatever its code", async () => {
  for (const code of [1000, 1001, 1005, 4001, 4004]) {
    const { network, link, clock, log } = await begun({ resume: resume() });
    link.drop(code);
    await clock.advance(375);
    assert.deepEqual([log.splice(0), network.sockets.length], [["down closed 375"], 2], String(code));
  }
});

test("4000: somebody else has it", async () => {
  const { link, clock, log } = await begun({ resume: resume() });
  link.drop(4000);
  await clock.advance(60000);
  assert.deepEqual(log, ["close 4000 true 0"]);
});

test("a reset gives back what may be missing, and a new session begins", async () => {
  const { socket, network, link, clock, log, events } = await begun({ resume: resume() });
  socket.send("one");
  socket.send("two");
  await settle();
  await tell(link, { kind: "RESET", reason: "kicked", received: 1 });
  assert.deepEqual(log.splice(0), ["down broken 375", "reset kicked one,two"]);
  assert.deepEqual(events.at(-1).undelivered.map((one: any) => one.uncertain), [true, false]);
  assert.equal(socket.readyState, 0);
  await clock.advance(375);
  network.last.open("keepwire.v1");
  await settle();
  assert.equal(kinds(network.last), "HELLO");
  await tell(network.last, WELCOME);
  assert.deepEqual(log, ["open", "up false"]);
});

test("a refusal for good", async () => {
  const { network, clock, log, events } = make({ resume: resume() });
  await settle();
  network.last.open("keepwire.v1");
  await settle();
  await tell(network.last, { kind: "REFUSED", reason: "origin", class: "never" });
  await clock.advance(60000);
  assert.deepEqual(log, ["error origin", "close 4003 false 0"]);
  assert.equal(events.at(-1).reason, "origin");
  assert.equal(network.sockets.length, 1);
});

test("credentials out of date are asked for again, at once and then not so fast", async () => {
  const asked: string[] = [];
  const { network, link, clock, log } = await begun({
    resume: resume(),
    credentials: (why) => `${asked.push(why)}`,
  });
  link.drop();
  await clock.advance(375);
  const refuse = async (): Promise<void> => {
    network.last.open("keepwire.v1");
    await settle();
    await tell(network.last, { kind: "REFUSED", reason: "unauthorized", class: "auth" });
    await clock.advance(0);
  };
  await refuse();
  assert.equal(network.sockets.length, 3);
  await refuse();
  assert.equal(network.sockets.length, 3);
  assert.deepEqual(log, ["down closed 375", "down refused 0", "down refused 2125"]);
  await clock.advance(2125);
  network.last.open("keepwire.v1");
  await settle();
  assert.equal(got(network.last)[0]!.credentials, "4");
  assert.deepEqual(asked, ["connect", "connect", "refused", "refused"]);
  await tell(network.last, resumed(2, 0, 1), { kind: "AUTH" });
  assert.deepEqual(got(network.last).map(({ kind, credentials }) => credentials ?? kind), ["PING", "5"]);
});

test("the gateway says when to try again", async () => {
  const { network, log } = make({ resume: resume() });
  await settle();
  network.last.open("keepwire.v1");
  await settle();
  await tell(network.last, { kind: "REFUSED", reason: "busy", class: "later", min: 1000, max: 5000 });
  assert.deepEqual(log, ["down refused 3000"]);
});

test("GOAWAY: the old link serves until the new one does", async () => {
  const { socket, network, link, clock, log } = await begun({ resume: resume() });
  await tell(link, { kind: "GOAWAY", reason: "drain", min: 1000, max: 3000, url: "wss://b.example/ws" });
  await clock.advance(1999);
  assert.equal(network.sockets.length, 1);
  await clock.advance(1);
  const next = network.last;
  assert.equal(next.url, "wss://b.example/ws");
  socket.send("still here");
  await settle();
  assert.equal(kinds(link), "DATA");
  next.open("keepwire.v1");
  await settle();
  await tell(next, resumed(2, 1, 1));
  assert.deepEqual(link.closed, { code: 1000, reason: undefined });
  assert.deepEqual(log, ["up true"]);
});

test("nobody is sent from a safe address to an unsafe one", async () => {
  const { network, link, clock } = await begun({ resume: resume() });
  await tell(link, { kind: "GOAWAY", reason: "drain", min: 0, max: 0, url: "ws://b.example/ws" });
  await clock.advance(1);
  assert.equal(network.last.url, "wss://chat.example/ws");
});

test("the application closes, and everything before it arrives", async () => {
  const { socket, link, log, clock } = await begun({ resume: resume() });
  socket.send("last");
  socket.close(4321, "bye");
  await settle();
  const frames = got(link);
  assert.deepEqual(frames.map(({ kind, number, code }) => [kind, number, code]), [["DATA", 1, undefined], ["CLOSE", 2, 4321]]);
  await tell(link, { kind: "ACK", number: 2, credit: 262144 });
  assert.deepEqual(log, ["close 4321 true 0"]);
  assert.equal(socket.readyState, 3);
  assert.equal(clock.waiting, 0);
});

test("a close that nobody acknowledges gives back what was not delivered", async () => {
  const { socket, link, log, clock, events } = await begun({ resume: resume() });
  socket.send("last");
  link.drop();
  socket.close();
  await clock.advance(5000);
  assert.equal(log.at(-1), "close 1006 false 1");
  assert.deepEqual(events.at(-1).undelivered, [{ data: "last", uncertain: false }]);
  assert.equal(clock.waiting, 0);
});

test("the server closes, and its close is acknowledged", async () => {
  const { socket, link, log } = await begun({ resume: resume() });
  await tell(link, data(1, "bye"), { kind: "CLOSE", number: 2, code: 1000, side: "backend", reason: "done" });
  assert.deepEqual(got(link).map(({ kind, number }) => [kind, number]), [["ACK", 2]]);
  assert.deepEqual(log, ["message bye", "close 1000 true 0"]);
  assert.equal(socket.readyState, 3);
});

test("more is sent than the gateway takes: it waits, then goes", async () => {
  const { socket, link, log } = await begun({ resume: resume({ holdMessages: 2 }), queue: { messages: 2 } });
  assert.deepEqual([1, 2, 3, 4, 5].map((one) => socket.send(`${one}`)), [true, true, true, true, false]);
  await settle();
  assert.equal(kinds(link), "DATA DATA");
  assert.equal(socket.bufferedAmount, 4);
  await tell(link, { kind: "ACK", number: 2, credit: 262144 });
  assert.equal(kinds(link), "DATA DATA");
  assert.deepEqual(log, []);
});

test("a message above the limit is refused, and the others go on", async () => {
  const { socket, network, log } = make({ resume: resume() });
  await settle();
  network.last.open("keepwire.v1");
  await settle();
  await tell(network.last, { ...WELCOME, message_limit: 3 });
  network.last.sent.splice(0);
  socket.send("four");
  socket.send("two");
  await settle();
  assert.equal(kinds(network.last), "DATA");
  assert.equal(log.at(-1), "error too large");
});

test("the page is shown again: is the link still there? If not, no wait", async () => {
  const { network, link, clock, page, log } = await begun({ resume: resume() });
  page.show(false);
  await tell(link, { kind: "PING", nonce: 1, last: 0, number: 0, credit: 262144 });
  assert.equal(got(link)[0]!.hidden, true);
  page.show(true);
  await settle();
  assert.equal(kinds(link), "PING");
  await clock.advance(2500);
  assert.deepEqual(log, ["down known 0"]);
  assert.deepEqual(link.closed, { code: 4004, reason: undefined });
  assert.equal(network.sockets.length, 2);
});

test("silence", async () => {
  const { link, clock, log } = await begun({ resume: resume() });
  await clock.advance(34999);
  assert.deepEqual(log, []);
  await clock.advance(1);
  assert.deepEqual(log, ["down broken 375"]);
  assert.equal(link.closed!.code, 4004);
});

test("no answer to HELLO", async () => {
  const { network, clock, log } = make({ resume: resume() });
  await settle();
  network.last.open("keepwire.v1");
  await clock.advance(5000);
  assert.deepEqual(log, ["down broken 375"]);
  assert.equal(network.last.closed!.code, 4002);
});

test("the page goes away for good: CLOSE", async () => {
  const { link, page } = await begun({ resume: resume() });
  page.tell("pagehide", { persisted: false });
  assert.deepEqual(got(link).map(({ kind, code }) => [kind, code]), [["CLOSE", 1001]]);
});

test("the page sleeps and comes back, and the session goes on", async () => {
  const { network, link, page, log, clock } = await begun({ resume: resume() });
  page.tell("pagehide", { persisted: true });
  assert.ok(link.closed);
  await clock.advance(60000);
  page.tell("pageshow", { persisted: true });
  await settle();
  network.last.open("keepwire.v1");
  await settle();
  assert.equal(kinds(network.last), "RESUME");
  await tell(network.last, resumed(2, 0, 1));
  assert.deepEqual(log, ["down parked Infinity", "up true"]);
});

test("auto: a server that takes the application's own subprotocol is a plain one", async () => {
  const { socket, network, log } = make({ resume: resume({ mode: "auto" }) }, "wss://a.example/ws");
  socket.send("early");
  await settle();
  network.last.open("chat");
  await settle();
  assert.deepEqual(network.last.sent, ["early"]);
  assert.deepEqual(log, ["open", "up false"]);
  assert.equal(socket.protocol, "chat");
  // The next one knows.
  const other = make({ resume: resume({ mode: "auto" }) }, "wss://a.example/other");
  await settle();
  assert.deepEqual(other.network.last.protocols, ["chat"]);
});

test("auto: a handshake that fails where there is no gateway", async (t) => {
  const asked: string[] = [];
  t.mock.method(globalThis, "fetch", async (url: URL) => {
    asked.push(String(url));
    return new Response("", { status: 404 });
  });
  const { network, log, clock } = make({ resume: resume({ mode: "auto" }) }, "wss://b.example/ws");
  await settle();
  network.last.drop();
  await settle();
  await clock.advance(0);
  assert.deepEqual(asked, ["https://b.example/.keepwire/diagnose"]);
  assert.deepEqual(network.last.protocols, ["chat"]);
  network.last.open("chat");
  await settle();
  assert.equal(log.at(-1), "up false");
});

test("a gateway is wanted, and something else answers", async () => {
  const { network, log } = make({ resume: resume() });
  await settle();
  network.last.open("chat");
  await settle();
  assert.deepEqual(log, ["down broken 375"]);
  assert.deepEqual(network.last.sent, []);
});

test("plain, by option", async () => {
  const { network, log } = make({ resume: resume({ mode: "plain" }) });
  await settle();
  assert.deepEqual(network.last.protocols, ["chat"]);
  network.last.open("chat");
  await settle();
  assert.deepEqual(log, ["open", "up false"]);
});
