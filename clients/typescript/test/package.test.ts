/** The package as it is published, whose inner names are short: they have to be the same in all of its files. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { data, got, resumed, tell, text, WELCOME } from "./helpers.js";

const require = createRequire(import.meta.url);
const NAMES = ["", "/resume", "/fallback", "/react", "/node", "/testing", "/tabs"];

const esm = async (): Promise<any[]> => Promise.all(NAMES.map((name) => import("@keepwire/client" + name)));
const cjs = async (): Promise<any[]> => NAMES.map((name) => require("@keepwire/client" + name));

for (const [kind, load] of [["ESM", esm], ["CommonJS", cjs]] as const) {
  test(`${kind}: a session, with everything`, async () => {
    const [core, resume, fallback, react, node, testing] = await load();
    assert.equal(typeof react.useKeepwire, "function");
    assert.equal(typeof node.connect, "function");
    const clock = new testing.FakeClock();
    const network = new testing.FakeNetwork();
    const log: string[] = [];
    const socket = core.connect("wss://chat.example/ws", {
      protocols: "chat",
      resume: resume.resume(),
      fallback: fallback.fallback(),
      WebSocket: network.WebSocket,
      clock,
      page: {},
    });
    socket.onmessage = (event: any) => log.push(event.data);
    socket.onclose = (event: any) => log.push(`close ${event.code}`);
    socket.send("early");
    await testing.settle();
    network.last.open("keepwire.v1");
    await testing.settle();
    await tell(network.last, WELCOME);
    await tell(network.last, data(1, "hello"), { kind: "ACK", number: 1, credit: 262144 });
    assert.deepEqual(got(network.last).map(({ kind }) => kind), ["HELLO", "PING", "DATA"]);
    network.last.drop();
    await clock.advance(375);
    network.last.open("keepwire.v1");
    await testing.settle();
    assert.equal(got(network.last)[0]!.kind, "RESUME");
    socket.close();
    await clock.advance(5000);
    assert.deepEqual(log, ["hello", "close 1006"]);
    assert.equal(clock.waiting, 0);
  });
}

test("the two are the same", async () => {
  for (const [at, one] of (await esm()).entries()) {
    assert.deepEqual(Object.keys((await cjs())[at]).sort(), Object.keys(one).sort());
  }
});

test("a session goes from a tab with one build to a tab with the other", async () => {
  const [core, { resume }, , , , testing, tabs] = await esm();
  const other = await cjs();
  assert.ok(core.connect);
  const clock = new testing.FakeClock();
  const network = new testing.FakeNetwork();
  const channels: any[] = [];
  const notes: any[] = [];
  const open = (shared: any, resume: any): [any, EventTarget] => {
    const page: any = new EventTarget();
    // Whoever asks first has it until it leaves.
    const locks = { query: async () => {}, request: (_: string, __: object, then: () => void) => Promise.resolve(then()) };
    page.navigator = { locks };
    page.BroadcastChannel = class {
      postMessage = (note: any): unknown => notes.push(structuredClone(note));
      close(): void {}
      constructor() {
        channels.push(this);
      }
    };
    return [shared("wss://chat.example/ws", { resume: resume(), WebSocket: network.WebSocket, clock, page }), page];
  };
  const [first, page] = open(tabs.shared, resume);
  await testing.settle();
  network.last.open("keepwire.v1");
  await tell(network.last, WELCOME);
  first.send("held");
  channels[0].onmessage({ data: { kind: "ask", term: 0, from: "other" } });
  await tell(network.last, data(1, "hello"));
  page.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: false }));
  const estate = notes.find(({ kind }) => kind == "estate");
  const [next] = open(other[6].shared, other[1].resume);
  const log: string[] = [];
  for (const type of ["open", "message", "reset", "close"]) next.addEventListener(type, () => log.push(type));
  channels[1].onmessage({ data: estate });
  await testing.settle();
  network.last.open("keepwire.v1");
  await testing.settle();
  const [back] = got(network.last);
  assert.deepEqual([back!.kind, back!.id, back!.token, back!.received, back!.held], ["RESUME", "s-1", "t-1", 1, 1]);
  await tell(network.last, resumed(2, 0, 1), data(2, "on"));
  const sent = got(network.last).filter(({ kind }) => kind == "DATA");
  assert.deepEqual(sent.map(({ number, payload }) => [number, text(payload)]), [[1, "held"]]);
  assert.deepEqual(log, ["open", "message"]);
});
