/**
 * What was sent and may have to be sent again: messages wait here from `send` until the other side has handled them,
 * over any number of links. Pieces are cut when they are sent, so what is sent again is what was sent first.
 */

import { CLOSE, DATA, encode, toBytes, toText } from "./frame.js";

/** Bytes of a piece of a large message. */
export const PIECE = 32768;
/** What a DATA frame costs beyond its payload. */
export const FRAME_COST = 8;

/** A message that is given back, because nobody can say that it arrived. */
export interface Undelivered {
  data: string | Uint8Array;
  /** The other side may have it nevertheless: it took the message and did not say that it handled it. */
  uncertain: boolean;
}

/** Code, reason, and who ended it: 0 the client, 1 the gateway, 2 the backend. */
export type Ending = [code: number, reason: string, side: number];

interface Held {
  _first: number;
  _last: number;
  /** Sum of costs of all that was sent before it. */
  _before: number;
  _text: boolean;
  _payload: Uint8Array;
}

export const createReplay = () => {
  let held: Held[] = [];
  let close: Ending | undefined;
  let next = 1;
  /** Number of the next frame to put on the link, and where in `held` it is. */
  let cursor = 1;
  let at = 0;
  /** The highest number that was ever put on a link. */
  let sent = 0;
  let cost = 0;
  let credit = 0;
  let acknowledged = 0;
  let bytes = 0;

  const push = (text: boolean, payload: Uint8Array): void => {
    const { length } = payload;
    const pieces = Math.ceil(length / PIECE) || 1;
    held.push({ _first: next, _last: next + pieces - 1, _before: cost, _text: text, _payload: payload });
    next += pieces;
    cost += length + FRAME_COST * pieces;
    bytes += length;
  };

  return {
    _bytes: () => bytes,
    _count: () => held.length,
    _sent: () => sent,
    _acknowledged: () => acknowledged,
    /** The end that this side has asked for. */
    _closing: () => close,

    _push: push,

    /** What another end needs to go on from here, or what it was given; nothing of a CLOSE. In plain values. */
    _state(to?: any[]): any[] {
      if (to) {
        [next, cost, sent, acknowledged] = to;
        for (const [text, payload] of to[4]) push(text, payload);
      }
      const first = held[0];
      return [
        first?._first ?? next,
        first?._before ?? cost,
        sent,
        acknowledged,
        held.map(({ _text, _payload }) => [_text, _payload]),
      ];
    },

    _close(ending: Ending): void {
      close = ending;
      next++;
    },

    /**
     * Frees what the other side has handled. False: it acknowledges what it never got. The end, once that has arrived.
     */
    _acknowledge(number: number, newCredit: number): Ending | false | undefined {
      if (number > sent) return false;
      credit = Math.max(credit, newCredit);
      acknowledged = Math.max(acknowledged, number);
      while (held[0]?._last! <= number) {
        bytes -= held.shift()!._payload.length;
        if (at) at--;
      }
      cursor = Math.max(cursor, number + 1);
      return close && acknowledged == next - 1 ? close : undefined;
    },

    /** A new link: the other side has everything up to `received`. False: nobody can give it what it lacks. */
    _rewind(received: number): boolean {
      // What it has acknowledged since it said so, on a link that was faster, it has, too.
      cursor = Math.max(received, acknowledged) + 1;
      at = held.filter((one) => one._last < cursor).length;
      return received <= sent;
    },

    /** Puts frames on the link while they are shorter than `limit`. */
    _transmit(out: Uint8Array[], limit: number): void {
      for (const one of out) limit -= one.length;
      while (limit > 0 && cursor < next) {
        const one = held[at];
        let frame: Uint8Array;
        if (one) {
          const pieces = cursor - one._first + 1;
          const to = pieces * PIECE;
          if (one._before + Math.min(one._payload.length, to) + pieces * FRAME_COST > credit) return;
          const more = cursor < one._last;
          if (!more) at++;
          frame = encode(DATA, [cursor], [+one._text | (+more << 1)], one._payload.subarray(to - PIECE, to));
        } else {
          // What was given back is not sent any more.
          if (!close) return;
          frame = encode(CLOSE, [cursor, close[0]], [close[2]], toBytes(close[1]));
        }
        out.push(frame);
        limit -= frame.length;
        sent = Math.max(sent, cursor++);
      }
    },

    /** Everything that was not acknowledged, oldest first. `taken`: what the other side says that it took. */
    _giveBack(taken = sent): Undelivered[] {
      const back = held.map(({ _text, _payload, _last }) => ({
        data: _text ? toText(_payload) : _payload,
        uncertain: _last <= taken,
      }));
      held = [];
      close = undefined;
      bytes = acknowledged = 0;
      cursor = next;
      return back;
    },
  };
};
