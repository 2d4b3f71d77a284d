/**
 * What comes in: takes exactly the next number, puts pieces together, and says when to acknowledge and how much more
 * may come (protocol/PROTOCOL.md sections 4 and 5).
 */

import { join, toText } from "./frame.js";
import { FRAME_COST, PIECE } from "./replay.js";

export const JUMP = 1;
export const LARGE = 2;
export const CLOSED = 3;

/** What a frame turned out to be: a message, nothing new, a CLOSE, or why it is none. */
export type Taken = [data: string | Uint8Array] | void | number | "protocol";

export const createFlow = (window: number, messageLimit: number) => {
  let received = 0;
  let receivedCost = 0;
  let handled = 0;
  let handledCost = 0;
  /** Messages that the application has not handled yet: number, and cost of everything before it. */
  const open: [number, number][] = [];
  let granted = window;
  let acknowledged = 0;
  let acknowledgedCost = 0;
  let due = Infinity;
  let pieces: Uint8Array[] = [];
  let length = 0;
  let piecesText: number | undefined;

  /** Something is to be acknowledged: in how long? */
  const acknowledgeBy = (now: number): void => {
    due = Math.min(
      due,
      now +
        (handled - acknowledged > 31 || handledCost - acknowledgedCost > 65535
          ? 0
          : receivedCost + window - granted > Math.floor(window / 2)
            ? 25
            : 250),
    );
  };

  /** Everything before the first message that is not handled counts as handled, and so do its own pieces but the last. */
  const settle = (now: number): void => {
    const before = handled;
    [handled, handledCost] = open[0] ? [open[0][0] - 1, open[0][1]] : [received, receivedCost];
    if (handled != before) acknowledgeBy(now);
  };

  const grant = (): number => (granted = Math.max(granted, handledCost + window));

  return {
    _grant: grant,
    _received: () => received,
    _due: () => due,
    /** Everything that was taken is handled. */
    _settled: () => !open[0],

    /** What another end needs to go on from here, or what it was given, when all that was taken is handled. */
    _state(to?: any[]): any[] {
      if (to) {
        [received, receivedCost, granted, pieces, length, piecesText] = to;
        handled = received;
        handledCost = receivedCost;
      }
      return [received, receivedCost, granted, pieces, length, piecesText];
    },

    /** Takes DATA, or a CLOSE, which has no payload. */
    _take(now: number, number: number, flags: number, payload?: Uint8Array): Taken {
      // It was sent again because an acknowledgement was lost: say it once more.
      if (number <= received) return acknowledgeBy(now);
      if (number != received + 1) return JUMP;
      let taken: Taken = CLOSED;
      if (payload) {
        const cost = payload.length + FRAME_COST;
        if (receivedCost + cost > granted) return "protocol";
        if (length + payload.length > messageLimit) return LARGE;
        const text = flags & 1;
        if (text != (piecesText ?? text)) return "protocol";
        pieces.push(payload);
        length += payload.length;
        piecesText = text;
        taken = undefined;
        if (!(flags & 2)) {
          const data = join(pieces);
          try {
            taken = [text ? toText(data) : data];
          } catch {
            return "protocol";
          }
          open.push([number, receivedCost]);
          pieces = [];
          length = 0;
          piecesText = undefined;
        }
        receivedCost += cost;
      }
      received = number;
      settle(now);
      return taken;
    },

    /** The application has handled the message with this number, and all before it. */
    _handled(now: number, number: number): void {
      while (open[0]?.[0]! <= number) open.shift();
      settle(now);
    },

    /** The acknowledgement of this moment, which is then no longer due: number and credit. */
    _acknowledge(): [number, number] {
      due = Infinity;
      acknowledged = handled;
      acknowledgedCost = handledCost;
      return [handled, grant()];
    },
  };
};

/** A piece has to fit into a window, or it would wait for ever. */
export const LEAST_WINDOW = 2 * PIECE;
