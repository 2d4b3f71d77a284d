/** The package as it is published, whose inner names are short: they have to be the same in all of its files. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { data, got, tell, WELCOME } from "./helpers.js";

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
