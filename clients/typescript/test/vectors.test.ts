/** The vectors that every implementation of keepwire.v1 has to pass. The gateway's are read and written as frames. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { toBytes } from "../src/session/frame.js";
import { readFrames, writeFrame, writeFrames } from "../src/session/readable.js";
import { createReconnect } from "../src/session/reconnect.js";
import type { Undelivered } from "../src/session/replay.js";
import { createSession } from "../src/session/session.js";

const FOLDER = new URL("../../../../protocol/vectors/", import.meta.url);
const SIDES = ["client", "gateway", "backend"];

const load = (name: string): any => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));

/** Hexadecimal in words; `2e*1000` is a byte a thousand times. */
function bytes(text: string): Uint8Array {
  return Buffer.concat(
    text.split(" ").filter(Boolean).map((word) => {
      const [hex, times] = word.split("*");
      return Buffer.from(hex!.repeat(Number(times ?? 1)), "hex");
    }),
  );
}

const hex = (data: Uint8Array | string): string =>
  Buffer.from(typeof data == "string" ? toBytes(data) : data).toString("hex");

const frameOf = (frame: any): any => (frame.kind == "DATA" ? { ...frame, payload: bytes(frame.payload) } : frame);

/** As the vectors say it, but for payloads, which are plain hexadecimal here. */
function shown(frame: any): any {
  if (frame.kind == "DATA") return { ...frame, payload: hex(frame.payload) };
  // What an engine may fill in when it reads.
  if (frame.kind == "REFUSED") return { ...frame, min: frame.min ?? 0, max: frame.max ?? 0 };
  return frame.kind == "WELCOME" ? { ...frame, protocol: frame.protocol ?? "" } : frame;
}

const unrolled = (value: any): any =>
  Array.isArray(value)
    ? value.map(unrolled)
    : value && typeof value == "object"
      ? Object.fromEntries(
          Object.entries(value).map(([name, one]) => [name, name == "payload" ? hex(bytes(one as string)) : unrolled(one)]),
        )
      : value;

/** Unknown members are not a part of what was read. */
function known(frame: any, wanted: any): any {
  return Object.fromEntries(Object.entries(frame).filter(([name]) => name in wanted));
}

test("every vector is run", () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  assert.deepEqual(names.sort(), [
    "frames.json", "integers.json", "reconnect.json", "session-client.json", "session-gateway.json",
  ]);
});

test("integers", () => {
  const { write, read } = load("integers.json");
  for (const { value, hex: wanted } of write) {
    const out = writeFrame({ kind: "ACK", number: value, credit: 0 });
    assert.equal(hex(out.subarray(2, -1)), wanted);
  }
  for (const { hex: text, value, error } of read) {
    const body = Buffer.concat([bytes(text), Buffer.of(0)]);
    const run = () => readFrames(Buffer.concat([Buffer.of(7, body.length), body]));
    if (error) assert.throws(run, text);
    else assert.equal(run()[0]!.number, value);
  }
});

test("frames", () => {
  const { frames, read } = load("frames.json");
  for (const { frame, hex: wanted } of frames) {
    const out = writeFrame(frameOf(frame));
    assert.equal(hex(out), hex(bytes(wanted)), JSON.stringify(frame));
    assert.deepEqual(readFrames(out).map(shown), [unrolled(frame)]);
  }
  for (const { name, hex: text, frames: wanted, error } of read) {
    const run = () => readFrames(bytes(text)).map(shown);
    if (error) assert.throws(run, name);
    else assert.deepEqual(run().map((frame, at) => known(frame, wanted[at])), unrolled(wanted), name);
  }
});

test("frames in every piece of every session", () => {
  for (const name of ["session-client.json", "session-gateway.json"]) {
    for (const { steps } of load(name).scripts) {
      for (const { transmit } of steps) {
        for (const { hex: wanted, frames } of transmit ?? []) {
          const out = Buffer.concat(frames.map((frame: any) => writeFrame(frameOf(frame))));
          const read = readFrames(bytes(wanted));
          assert.deepEqual(read.map(shown), unrolled(frames));
          assert.deepEqual(readFrames(out).map(shown), read.map(shown));
        }
      }
    }
  }
});

test("reconnecting", async (t) => {
  for (const { name, codes, range, steps } of load("reconnect.json").scripts) {
    await t.test(name, () => {
      const policy = createReconnect(codes == "session", range);
      for (const step of steps) {
        let next: unknown;
        if (step.do == "up") policy._up(step.at, step.resumed);
        else if (step.do == "wake") next = policy._wake(step.at);
        else if (step.do == "credentials") next = policy._credentials(step.at);
        else if (step.do == "range") policy._setRange(step.range);
        else next = policy._lost(step.at, step.how.closed ?? step.how.refused ?? step.how, step.chance);
        assert.equal(next ?? null, step.next, JSON.stringify(step));
        assert.equal(policy._tries(), step.tries, JSON.stringify(step));
      }
    });
  }
});

const back = (messages: Undelivered[]): any =>
  messages.map(({ data, uncertain }) => ({ text: typeof data == "string", payload: hex(data), uncertain }));

/** Events in the words of the vectors, in the order of their numbers. */
const EVENTS: ((...event: any[]) => any)[] = [
  (link, resumed) => ({ event: "up", link, resumed }),
  (link, round_trip) => ({ event: "proven", link, round_trip }),
  (data, number) => ({ event: "message", number, text: typeof data == "string", payload: hex(data) }),
  (link, code) => ({ event: "drop", link, code }),
  (refused) => ({ event: "refused", refused }),
  (goaway) => ({ event: "goaway", goaway }),
  () => ({ event: "credentials wanted" }),
  ([code, reason, side], undelivered) => ({ event: "closed", code, reason, side: SIDES[side], undelivered: back(undelivered) }),
  (reason, undelivered) => ({ event: "reset", reason, undelivered: back(undelivered) }),
];

const SENT = ["taken", "full", "too large", "ended"];

/** More of them, as `crates/session/tests/vectors.rs` makes them up. */
const made = process.env.KEEPWIRE_SESSIONS;

test("a client's sessions", async (t) => {
  const more = made ? JSON.parse(readFileSync(made, "utf8")).scripts : [];
  for (const { name, settings = {}, steps } of [...load("session-client.json").scripts, ...more]) {
    await t.test(name, () => {
      const session = createSession({
        window: settings.window,
        holdBytes: settings.hold_bytes,
        holdMessages: settings.hold_messages,
        messageLimit: settings.message_limit,
      });
      const links: number[] = [];
      for (const step of steps) {
        const { at, link } = step;
        if (link && !links.includes(link)) links.push(link);
        let result: unknown;
        switch (step.do) {
          case "link up":
            session._linkUp(at, link, step.credentials);
            break;
          case "link down":
            session._linkDown(link);
            break;
          case "receive":
            session._receive(
              at,
              link,
              step.hex == null ? writeFrames(...step.frames.map(frameOf)) : bytes(step.hex),
            );
            break;
          case "send":
            result = SENT[session._send(step.text, bytes(step.payload))];
            break;
          case "handled":
            session._handled(at, step.number);
            break;
          case "close":
            session._close(step.code, step.reason);
            break;
          case "abort":
            session._abort(step.reason);
            break;
          case "wake":
            session._wake(at);
            break;
          case "hidden":
            session._hide(step.hidden);
            break;
          case "authenticate":
            session._authenticate(step.credentials);
            break;
          case "time":
            session._timeout(at);
            break;
          default:
            assert.fail(step.do);
        }
        const transmit = links.flatMap((link) => {
          const out = session._transmit(at, link, step.limit ?? 1 << 20);
          return out.length ? [{ link, hex: hex(Buffer.concat(out)) }] : [];
        });
        const deadline = session._deadline();
        const seen = {
          result,
          transmit,
          events: session._events.splice(0).map(([kind, ...event]) => EVENTS[kind]!(...event)),
          deadline: deadline < Infinity ? deadline : undefined,
          unacknowledged: session._unacknowledged(),
          up: !!session._isUp(),
          ended: session._hasEnded(),
        };
        const wanted = {
          result: step.result,
          transmit: (step.transmit ?? []).map(({ link, hex: text }: any) => ({ link, hex: hex(bytes(text)) })),
          // A client has no use for how long its credentials are good.
          events: unrolled((step.events ?? []).filter(({ event }: any) => event != "authenticated")),
          deadline: step.deadline,
          unacknowledged: step.unacknowledged ?? 0,
          up: step.up ?? false,
          ended: step.ended ?? false,
        };
        assert.deepEqual(seen, wanted, `at ${at}: ${step.do}`);
      }
    });
  }
});
