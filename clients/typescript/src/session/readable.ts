/** Frames with names, for tests and for whoever plays a gateway: `{ kind: "ACK", number: 5, credit: 1000 }`. */

import { decode, encode, encodeJson, join, toBytes } from "./frame.js";

const KINDS = [
  "", "HELLO", "WELCOME", "RESUME", "RESUMED", "REFUSED", "DATA", "ACK", "PING", "PONG", "AUTH", "AUTHENTICATED",
  "GOAWAY", "CLOSE", "RESET", "LINK",
];
const SIDES = ["client", "gateway", "backend"];

export interface Readable {
  kind: string;
  [member: string]: any;
}

export function writeFrame({ kind, ...body }: Readable): Uint8Array {
  const number = KINDS.indexOf(kind);
  const ack = [body.number, body.credit];
  switch (kind) {
    case "DATA":
      return encode(number, [body.number], [+!!body.text | (+!!body.more << 1)], body.payload);
    case "ACK":
      return encode(number, ack, []);
    case "PING":
    case "PONG":
      return encode(number, [body.nonce, body.last, ...ack], [+!!body.hidden]);
    case "CLOSE":
      return encode(number, [body.number, body.code], [SIDES.indexOf(body.side)], toBytes(body.reason));
    default:
      return encodeJson(number, body);
  }
}

export const writeFrames = (...frames: Readable[]): Uint8Array<ArrayBuffer> => join(frames.map(writeFrame));

/** Throws where the bytes are no frames. */
export function readFrames(bytes: Uint8Array): Readable[] {
  const frames: Readable[] = [];
  decode(bytes, (number, body, flags, rest) => {
    const kind = KINDS[number]!;
    switch (kind) {
      case "DATA":
        return frames.push({ kind, number: body[0], text: !!(flags & 1), more: !!(flags & 2), payload: rest });
      case "ACK":
        return frames.push({ kind, number: body[0], credit: body[1] });
      case "PING":
      case "PONG": {
        const [nonce, last, number, credit] = body;
        return frames.push({ kind, nonce, last, number, credit, hidden: !!(flags & 1) });
      }
      case "CLOSE":
        return frames.push({ kind, number: body[0], code: body[1], side: SIDES[flags], reason: body[2] });
      default:
        return frames.push({ kind, ...body });
    }
  });
  return frames;
}
