/**
 * Frames on the wire: protocol/PROTOCOL.md section 3. Bytes in, frames out; no state.
 *
 * A frame is its kind, its integers or its JSON body, a byte of flags, and the rest as bytes.
 */

import { fits } from "./handshake.js";

export const DATA = 6;
export const ACK = 7;
export const PING = 8;
export const PONG = 9;
export const CLOSE = 13;

/** How many integers a frame begins with that is no JSON. */
const INTEGERS: Record<number, number> = { 6: 1, 7: 2, 8: 4, 9: 4, 13: 2 };

/** Takes a frame. `body` is JSON, or a list of integers. */
export type Visit = (kind: number, body: any, flags: number, rest: Uint8Array) => void;

const encoder = new TextEncoder();
// A byte order mark belongs to the message.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const toBytes = (text: string): Uint8Array => encoder.encode(text);
/** Throws where the bytes are no UTF-8. */
export const toText = (bytes: Uint8Array): string => decoder.decode(bytes);

/** An integer in its shortest form (RFC 9000 section 16). */
const integer = (value: number): number[] => {
  const size = value < 64 ? 0 : value < 16384 ? 1 : value < 2 ** 30 ? 2 : 3;
  const bytes: number[] = [];
  for (let at = 1 << size; at--; value = Math.floor(value / 256)) bytes[at] = value % 256;
  bytes[0]! |= size << 6;
  return bytes;
};

export const join = (parts: ArrayLike<number>[]): Uint8Array<ArrayBuffer> => {
  let at = 0;
  for (const part of parts) at += part.length;
  const out = new Uint8Array(at);
  at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

const frame = (kind: number, head: number[], rest: ArrayLike<number>): Uint8Array =>
  join([[kind, ...integer(head.length + rest.length), ...head], rest]);

export const encodeJson = (kind: number, body: object): Uint8Array => frame(kind, [], toBytes(JSON.stringify(body)));

/** A frame that is no JSON. Only ACK has no flags. */
export const encode = (kind: number, integers: number[], flags: number[], rest: ArrayLike<number> = []): Uint8Array =>
  frame(kind, [...integers.flatMap(integer), ...flags], rest);

/**
 * Gives all frames of a carrier message to `visit`; kinds that are not known are skipped. Throws where the bytes are no
 * frames.
 */
export const decode = (bytes: Uint8Array, visit: Visit): void => {
  let at = 0;
  let end: number;
  const must = <T>(good: unknown, value?: T): T => {
    if (!good) throw Error("no frame");
    return value!;
  };
  const byte = (): number => must(at < end, bytes[at++]!);
  const integer = (): number => {
    const first = byte();
    let value = first & 63;
    for (let more = 1 << (first >> 6); --more; ) value = value * 256 + byte();
    return must(value < 2 ** 53, value);
  };
  while (at < bytes.length) {
    end = bytes.length;
    const kind = byte();
    const length = integer();
    must(length <= end - at);
    end = at + length;
    const count = INTEGERS[kind];
    let body: any;
    if (count) {
      body = [];
      while (body.length < count) body.push(integer());
    }
    const flags = count && kind != ACK ? byte() : 0;
    const rest = bytes.subarray(at, (at = end));
    if (kind == CLOSE) {
      must(flags < 3 && rest.length < 124 && body[1] >= 1000 && body[1] < 5000);
      body[2] = toText(rest);
    }
    if (kind && kind < 16) {
      body ??= JSON.parse(toText(rest));
      must(fits(kind, body));
      visit(kind, body, flags, rest);
    }
  }
};
