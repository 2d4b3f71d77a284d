/**
 * Whole sockets over bad networks, in virtual time: cuts at any moment, handshakes that fail or hang, sleep, bfcache,
 * GOAWAY. Whatever happens, everything arrives once and in order, both ways. The seed is in the name of the test.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { resume } from "../src/resume.js";
import { settle, writeFrames } from "../src/testing.js";
import type { FakeSocket, Readable } from "../src/testing.js";
import { data, got, make, resumed, text, WELCOME } from "./helpers.js";

const NETWORKS = Number(process.env.KEEPWIRE_NETWORKS ?? 30);

/** Mulberry32. */
function dice(seed: number): (end: number) => number {
  return (end) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

/** As much of a gateway as a well-behaved client can see. */
class Gateway {
  id = "";
  received: string[] = [];
  sent: string[] = [];
  acked = 0;
  taken = 0;
  generation = 0;
  link: FakeSocket | undefined;
  closed = false;
  made = 0;

  say(...frames: Readable[]): void {
    if (this.link?.readyState == 1) this.link.receive(writeFrames(...frames));
  }

  send(message: string): void {
    this.sent.push(message);
    this.say(data(this.sent.length, message));
  }

  hear(socket: FakeSocket): void {
    for (const frame of got(socket)) this.frame(socket, frame);
  }

  frame(socket: FakeSocket, frame: Readable): void {
    if (frame.kind == "HELLO") {
      assert.equal(this.received.length, 0, "a session that carried something was forgotten");
      this.id = `s-${++this.made}`;
      this.generation = 1;
      this.link = socket;
      this.say({ ...WELCOME, id: this.id });
      this.sent.forEach((message, at) => this.say(data(at + 1, message)));
    } else if (frame.kind == "RESUME") {
      assert.equal(frame.id, this.id);
      assert.ok(frame.held <= this.taken + 1, "the client has forgotten something");
      if (this.link != socket) this.link?.drop(4000);
      this.link = socket;
      this.say(resumed(++this.generation, this.taken, this.acked + 1));
      this.sent.slice(frame.received).forEach((message, at) => this.say(data(frame.received + at + 1, message)));
    } else if (socket != this.link) {
      return;
    } else if (frame.kind == "DATA") {
      assert.ok(frame.number <= this.taken + 1, "a hole");
      if (frame.number == this.taken + 1) {
        this.taken++;
        this.received.push(text(frame.payload));
      }
      this.say({ kind: "ACK", number: this.taken, credit: 1e9 });
    } else if (frame.kind == "CLOSE") {
      if (frame.number == this.taken + 1) this.taken++;
      this.closed = true;
      this.say({ kind: "ACK", number: this.taken, credit: 1e9 });
    } else if (frame.kind == "RESET") {
      assert.fail(`reset: ${frame.reason}`);
    } else {
      this.acked = Math.max(this.acked, frame.number);
      if (frame.kind == "PING") this.say({ ...frame, kind: "PONG", number: this.taken, credit: 1e9 });
    }
  }
}

for (let seed = 0; seed < NETWORKS; seed++) {
  test(`network ${seed}`, async () => {
    const roll = dice(seed);
    const { socket, network, clock, page, log, events } = make({ resume: resume({ holdMessages: 5 }) });
    const gateway = new Gateway();
    const sent: string[] = [];
    let parked = false;
    const come = (quiet: boolean): void => {
      for (const one of network.sockets) {
        if (one.readyState == 0 && !one.closed) {
          if (quiet || roll(3) == 0) one.open("keepwire.v1");
          else if (roll(6) == 0) one.drop();
        }
        if (one.readyState == 1) gateway.hear(one);
        // The other side learns of a close, at some time.
        if (one.readyState == 2 && (quiet || roll(2) == 0)) {
          gateway.hear(one);
          if (gateway.link == one) gateway.link = undefined;
          one.drop(one.closed!.code ?? 1005);
        }
      }
    };
    for (let step = 0; step < 250; step++) {
      clock.chance = roll(1000) / 1000;
      const link = network.sockets[network.sockets.length - 1 - roll(2)];
      switch (roll(16)) {
        case 0:
        case 1:
        case 2:
        case 3:
          if (socket.send(`up ${sent.length}`)) sent.push(`up ${sent.length}`);
          break;
        case 4:
        case 5:
        case 6:
          gateway.send(`down ${gateway.sent.length}`);
          break;
        case 7:
          if (link && link.readyState < 2) {
            // What is under way is lost, or is not.
            if (link.readyState == 1 && roll(2)) gateway.hear(link);
            link.drop([1000, 1001, 1006, 1012, 4004][roll(5)]!);
          }
          break;
        case 8:
          if (roll(4) == 0) gateway.say({ kind: "GOAWAY", reason: "drain", min: 0, max: roll(3000) });
          break;
        case 9:
          if (roll(4) == 0 && !parked) {
            parked = true;
            page.tell("pagehide", { persisted: true });
          }
          break;
        case 10:
          page.tell("online");
          break;
        case 11:
          if (roll(4) == 0) await clock.sleep(roll(100_000));
          break;
      }
      if (parked && roll(4) == 0) {
        parked = false;
        page.tell("pageshow", { persisted: true });
      }
      await settle();
      come(false);
      await clock.advance(roll(5) ? roll(200) : roll(5000));
    }
    if (parked) page.tell("pageshow", { persisted: true });
    const downs = (): string[] => events.filter(({ type }) => type == "message").map(({ data }) => data);
    for (let step = 0; step < 600; step++) {
      const up = log.findLast((line) => /^(up|down)/.test(line))?.startsWith("up");
      if (up && gateway.received.length == sent.length && downs().length == gateway.sent.length) break;
      await settle();
      come(true);
      if (step % 20 == 0) gateway.say({ kind: "PING", nonce: 1, last: 0, number: gateway.taken, credit: 1e9 });
      await clock.advance(200);
    }
    assert.deepEqual(gateway.received, sent, log.slice(-10).join("; "));
    assert.deepEqual(downs(), gateway.sent, log.slice(-10).join("; "));
    assert.ok(!log.some((line) => line.startsWith("reset")));
    socket.close();
    for (let step = 0; step < 20; step++) {
      await settle();
      come(true);
      await clock.advance(200);
    }
    assert.ok(gateway.closed);
    assert.match(log.at(-1)!, /^close 1000 true 0$/);
    assert.equal(clock.waiting, 0);
  });
}
