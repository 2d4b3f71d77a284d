import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fallback } from "../src/fallback.js";
import { resume } from "../src/resume.js";
import { FakeClock, readFrames, settle, writeFrames } from "../src/testing.js";
import type { FakeNetwork, Readable } from "../src/testing.js";
import { data, kinds, make, resumed, text, WELCOME } from "./helpers.js";

interface Call {
  path: string;
  query: URLSearchParams;
  frames: Readable[];
  answer: (response: Response) => Promise<void>;
  fail: () => Promise<void>;
  aborted: () => boolean;
}

const OK = { ok: true, auth: "none", draining: false, transports: ["websocket", "stream", "poll"] };

/** Requests wait here for the test to answer them. */
function requests(t: TestContext): Call[] {
  const calls: Call[] = [];
  t.mock.method(globalThis, "fetch", (url: URL, init: RequestInit = {}) => {
    return new Promise<Response>((then, otherwise) => {
      init.signal?.addEventListener("abort", () => otherwise(Error("aborted")));
      calls.push({
        path: url.pathname.replace("/.keepwire/", ""),
        query: url.searchParams,
        frames: init.body ? readFrames(init.body as Uint8Array) : [],
        answer: async (response) => {
          then(response);
          await settle();
          await new Promise((then) => setImmediate(then));
          await settle();
        },
        fail: async () => {
          otherwise(Error("no network"));
          await settle();
        },
        aborted: () => init.signal?.aborted ?? false,
      });
    });
  });
  return calls;
}

/** An answer that goes on. */
function events(): { response: Response; say: (...frames: Readable[]) => Promise<void>; raw: (text: string) => Promise<void>; end: () => Promise<void> } {
  let control: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (control = given) });
  const raw = async (text: string): Promise<void> => {
    control.enqueue(Buffer.from(text));
    await new Promise((then) => setImmediate(then));
    await settle();
  };
  return {
    response: new Response(body),
    raw,
    say: (...frames) => raw(`data: ${Buffer.from(writeFrames(...frames)).toString("base64")}\n\n`),
    end: async () => {
      control.close();
      await new Promise((then) => setImmediate(then));
      await settle();
    },
  };
}

const PONG = { kind: "PONG", nonce: 1, last: 0, number: 0, credit: 262144 };
const take = (calls: Call[]): Call => {
  const call = calls.shift();
  if (!call) throw Error("nobody has asked");
  return call;
};

/** WebSocket fails, and the stream carries the session. */
const fallBack = async (calls: Call[], network: FakeNetwork): Promise<ReturnType<typeof events>> => {
  await settle();
  network.last.drop();
  await settle();
  await take(calls).answer(Response.json(OK));
  const down = events();
  await take(calls).answer(down.response);
  await down.say(WELCOME, PONG);
  return down;
};

test("WebSocket hangs, the stream carries the session, and WebSocket takes it back", async (t) => {
  const calls = requests(t);
  const { socket, network, clock, log } = make({ resume: resume(), fallback: fallback() }, "wss://chat.example/ws?room=1");
  await clock.advance(2999);
  assert.equal(calls.length, 0);
  await clock.advance(1);
  const diagnose = take(calls);
  assert.equal(diagnose.path, "diagnose");
  await diagnose.answer(Response.json(OK));
  const stream = take(calls);
  assert.equal(stream.path, "stream");
  assert.equal(stream.query.get("to"), "/ws?room=1");
  assert.equal(stream.query.get("protocol"), "chat");
  assert.equal(stream.frames[0]!.kind, "HELLO");
  const down = events();
  await stream.answer(down.response);
  await down.raw(":" + " ".repeat(2048) + "\n\n");
  await down.say(WELCOME);
  assert.deepEqual(log.splice(0), ["open", "up false"]);

  const ping = take(calls);
  assert.equal(ping.path, "send");
  assert.deepEqual(ping.frames.map(({ kind }) => kind), ["LINK", "PING"]);
  assert.deepEqual(ping.frames[0], { kind: "LINK", id: "s-1", token: "t-1", generation: 1 });
  socket.send("one");
  socket.send("two");
  await settle();
  socket.send("three");
  await settle();
  assert.equal(calls.length, 0, "one post at a time");
  await ping.answer(new Response(null, { status: 204 }));
  const post = take(calls);
  assert.deepEqual(post.frames.map(({ kind }) => kind), ["LINK", "DATA", "DATA", "DATA"]);
  await post.answer(new Response(null, { status: 204 }));
  await down.say(PONG, { kind: "ACK", number: 3, credit: 262144 });
  // An event in pieces.
  const event = `data: ${Buffer.from(writeFrames(data(1, "hello"))).toString("base64")}\n\n`;
  await down.raw(event.slice(0, 9));
  await down.raw(event.slice(9, -1));
  assert.deepEqual(log, []);
  await down.raw("\n");
  assert.deepEqual(log.splice(0), ["message hello"]);
  const posts = async (): Promise<void> => {
    while (calls[0]) await take(calls).answer(new Response(null, { status: 204 }));
  };

  // The first WebSocket has been given up by now; after a minute another one is tried.
  await clock.advance(9000);
  assert.ok(network.sockets[0]!.closed);
  assert.equal(network.sockets.length, 1);
  for (let pings = 0; pings < 6; pings++) {
    await posts();
    await down.say({ ...PONG, kind: "PING" });
    await posts();
    await clock.advance(9000);
  }
  assert.equal(network.sockets.length, 2);
  network.last.open("keepwire.v1");
  await settle();
  assert.equal(kinds(network.last), "RESUME");
  network.last.receive(writeFrames(resumed(2, 3, 1)));
  await settle();
  assert.deepEqual(log, ["up true"]);
  assert.ok(stream.aborted());
  assert.equal(kinds(network.last), "PING");
  network.last.receive(writeFrames({ ...PONG, nonce: 2 }));
  await settle();
  // Back on WebSocket, nothing else is tried.
  socket.close();
});

test("the whole network is down: nothing falls back", async (t) => {
  const calls = requests(t);
  const { network, clock, log } = make({ resume: resume(), fallback: fallback() });
  await settle();
  network.last.drop();
  await settle();
  await take(calls).fail();
  assert.equal(calls.length, 0);
  await clock.advance(375);
  assert.equal(network.sockets.length, 2);
  assert.deepEqual(log, ["down closed 375"]);
});

test("the stream is held back on the way: polls", async (t) => {
  const calls = requests(t);
  const { socket, network, clock, log } = make({ resume: resume(), fallback: fallback() });
  await settle();
  network.last.drop();
  await settle();
  await take(calls).answer(Response.json(OK));
  const stream = take(calls);
  const down = events();
  await stream.answer(down.response);
  await clock.advance(3000);
  await new Promise((then) => setImmediate(then));
  await settle();
  const poll = take(calls);
  assert.equal(poll.path, "poll");
  assert.equal(poll.frames[0]!.kind, "HELLO");
  await poll.answer(new Response(writeFrames(WELCOME)));
  assert.equal(log.at(-1), "up false");
  const [next, ping] = [take(calls), take(calls)].sort((one) => (one.path == "poll" ? -1 : 1)) as [Call, Call];
  assert.deepEqual([next.path, next.frames.map(({ kind }) => kind)], ["poll", ["LINK"]]);
  assert.deepEqual([ping.path, ping.frames.map(({ kind }) => kind)], ["send", ["LINK", "PING"]]);
  await ping.answer(new Response(null, { status: 204 }));
  await next.answer(new Response(writeFrames(PONG, data(1, "hello"))));
  assert.equal(log.at(-1), "message hello");
  // Nothing to say for 25 s.
  const third = take(calls);
  await third.answer(new Response(null, { status: 204 }));
  assert.equal(take(calls).path, "poll");
  socket.close();
});

test("a post that fails is the end of the link, and numbers do the rest", async (t) => {
  const calls = requests(t);
  const { socket, network, clock, log } = make({ resume: resume(), fallback: fallback() });
  await settle();
  network.last.drop();
  await settle();
  await take(calls).answer(Response.json(OK));
  const first = events();
  await take(calls).answer(first.response);
  await first.say(WELCOME);
  await take(calls).answer(new Response(null, { status: 204 }));
  await first.say(PONG);
  socket.send("one");
  await settle();
  const post = take(calls);
  assert.equal(text(post.frames[1]!.payload), "one");
  await post.fail();
  await clock.advance(1000);
  const again = take(calls);
  assert.deepEqual([again.path, again.frames[0]!.kind], ["stream", "RESUME"]);
  const second = events();
  await again.answer(second.response);
  await second.say(resumed(2, 0, 1));
  const resent = take(calls);
  assert.deepEqual(resent.frames.map(({ kind }) => kind), ["LINK", "PING", "DATA"]);
  assert.deepEqual(resent.frames[0], { kind: "LINK", id: "s-1", token: "t-2", generation: 2 });
  assert.equal(log.at(-1), "up true");
  socket.close();
});

test("410: there is no such link, and the client comes again", async (t) => {
  const calls = requests(t);
  const { socket, network, log } = make({ resume: resume(), fallback: fallback() });
  await settle();
  network.last.drop();
  await settle();
  await take(calls).answer(Response.json(OK));
  await take(calls).answer(
    new Response(writeFrames({ kind: "REFUSED", reason: "unknown", class: "new" }), { status: 410 }),
  );
  assert.match(log.at(-1)!, /^down /);
  assert.equal(socket.readyState, 0);
  assert.equal(log.filter((line) => line.startsWith("reset")).length, 0);
});

test("the network changes: WebSocket is tried at once", async (t) => {
  const calls = requests(t);
  const { network, clock, page } = make({ resume: resume(), fallback: fallback() });
  await fallBack(calls, network);
  page.navigator.connection.dispatchEvent(new Event("change"));
  await settle();
  await clock.advance(0);
  assert.equal(network.sockets.length, 2);
});

test("the application says how soon WebSocket is tried again", async (t) => {
  const calls = requests(t);
  const { network, clock } = make({ resume: resume(), fallback: fallback({ probes: [0.1] }) });
  await fallBack(calls, network);
  await clock.advance(2_900);
  assert.equal(network.sockets.length, 1);
  await clock.advance(6_200);
  assert.equal(network.sockets.length, 2);
});

test("while nothing is up, a look at WebSocket does not put off the next try", async (t) => {
  const calls = requests(t);
  const { network, clock, log } = make({ resume: resume(), fallback: fallback({ probes: [0.005] }) });
  const down = await fallBack(calls, network);
  calls.length = 0;
  await down.end();
  assert.equal(log.at(-1), "down broken 625");
  // A look is due every 300 ms.
  await clock.advance(620);
  assert.equal(network.sockets.length, 1);
  await clock.advance(10);
  assert.equal(take(calls).path, "stream");
});

test("a look at WebSocket that hangs does not hold up the next try", async (t) => {
  const calls = requests(t);
  const { network, clock, log } = make({ resume: resume(), fallback: fallback({ probes: [0.05] }) });
  const down = await fallBack(calls, network);
  calls.length = 0;
  // Looks are due every 3 s, and there is one at a time.
  await clock.advance(7000);
  assert.equal(network.sockets.length, 2);
  await down.end();
  assert.equal(log.at(-1), "down broken 625");
  await clock.advance(625);
  assert.equal(calls.at(-1)!.path, "stream");
});

test("a carrier that has worked is not given up because of one try that fails", async (t) => {
  const calls = requests(t);
  const { network, clock } = make({ resume: resume(), fallback: fallback({ probes: [10] }) });
  const down = await fallBack(calls, network);
  calls.length = 0;
  await down.end();
  const tried: string[] = [];
  for (let fails = 0; fails < 4; fails++) {
    while (!calls[0]) await clock.advance(100);
    const call = take(calls);
    tried.push(call.path);
    await call.fail();
  }
  // The next one is tried beside it, without a wait.
  assert.deepEqual([...tried, network.sockets.length], ["stream", "stream", "stream", "poll", 1]);
});

test("timers are called as browsers want it: without an object", async (t) => {
  const calls = requests(t);
  const clock = new FakeClock();
  const strict = <Arguments extends any[], Answer>(timer: (...what: Arguments) => Answer) =>
    function (this: unknown, ...what: Arguments): Answer {
      if (this !== undefined) throw new TypeError("Illegal invocation");
      return timer(...what);
    };
  const { setTimeout, clearTimeout, now, random } = clock;
  const timers = { setTimeout: strict(setTimeout), clearTimeout: strict(clearTimeout), now, random };
  const { network, log } = make({ resume: resume(), fallback: fallback(), clock: timers });
  await fallBack(calls, network);
  assert.equal(log.at(-1), "up false");
});
