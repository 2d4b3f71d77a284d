/** Real sockets on the loopback, with the constructor of `ws`. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { connect } from "../src/node.js";
import { FakeClock } from "../src/testing.js";

test("it talks, is cut, and comes back; headers are sent", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "chat" });
  await once(server, "listening");
  const seen: string[] = [];
  server.on("connection", (peer, { headers }) => {
    seen.push(`${headers.authorization} ${headers["sec-websocket-protocol"]}`);
    peer.on("message", (data, binary) => (String(data) == "die" ? peer.terminate() : peer.send(data, { binary })));
  });
  const clock = new FakeClock();
  let made = 0;
  const socket = connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`, {
    protocols: "chat",
    WebSocket,
    headers: () => ({ authorization: `Bearer ${++made}` }),
    clock,
  });
  const heard = (type: string): Promise<any> => new Promise((then) => socket.addEventListener(type, then, { once: true }));
  socket.binaryType = "arraybuffer";
  socket.send("early");
  assert.equal((await heard("message")).data, "early");
  assert.equal(socket.protocol, "chat");
  socket.send(Uint8Array.of(1, 2, 3));
  assert.deepEqual(new Uint8Array((await heard("message")).data), Uint8Array.of(1, 2, 3));
  socket.send("die");
  assert.equal((await heard("down")).reason.code, 1006);
  socket.send("again");
  const again = heard("message");
  await clock.advance(375);
  assert.equal((await again).data, "again");
  assert.deepEqual(seen, ["Bearer 1 chat", "Bearer 2 chat"]);
  socket.close(4321, "bye");
  const { code, wasClean } = await heard("close");
  assert.deepEqual([code, wasClean], [4321, true]);
  assert.equal(clock.waiting, 0);
  server.close();
});

test("the address leads nowhere: it is tried again", async () => {
  const clock = new FakeClock();
  const socket = connect("ws://127.0.0.1:1/", { WebSocket, clock });
  const { reason } = await new Promise<any>((then) => socket.addEventListener("down", then, { once: true }));
  assert.equal(reason.kind, "closed");
  socket.close();
});
