/**
 * When a client tries again, after how long, and when not at all (protocol/PROTOCOL.md sections 9 and 11). It serves
 * plain connections as well: it knows outcomes and times, and no session. Chance is passed in.
 */

import type { Class, Range, Refused } from "./handshake.js";

/**
 * How a try or a link ended: cut, closed with a code, refused, or given up without harm because the client itself knows
 * why.
 */
export type Lost = "broken" | "known" | number | Refused;

/** A time to try at, a wish for new credentials, or the end. */
export type Next = number | "credentials" | "stop";

export const createReconnect = (session: boolean, range: Range) => {
  let tries = 0;
  let opened = Infinity;
  let next: Next | undefined;

  const classOf = (how: Lost): Class => {
    if (how == "known") return "now";
    if (how == "broken") return "later";
    if (typeof how == "object") return how.class;
    return (session ? /4000/ : /^(1(00[023789]|01[05])|4[0-4]..)$/).test("" + how) ? "never" : "later";
  };

  return {
    _tries: () => tries,

    _setRange(to: Range): void {
      range = to;
    },

    /**
     * A link is up: welcome, or open for a plain connection. `resumed`: it took up a session, so that whoever answered
     * has lived on, and only the link was lost.
     */
    _up(now: number, resumed?: boolean): void {
      if (resumed) tries = 0;
      opened = now;
      next = undefined;
    },

    /** A try failed or a link ended. `chance` is drawn uniformly from 0 to 1. */
    _lost(now: number, how: Lost, chance: number): Next {
      if (now - opened >= 8000) tries = 0;
      opened = Infinity;
      const kind = classOf(how);
      let { min, max } = range;
      // Nothing drawn is ever cut off, or everybody would meet at the edge.
      max = Math.max(min, Math.min(max, 500 * 2 ** tries));
      if (typeof how == "object" && how.max) ({ min = 0, max } = how);
      next =
        kind == "never"
          ? "stop"
          : kind == "auth"
            ? "credentials"
            : kind == "now"
              ? now
              : now + min + Math.round(Math.max(max - min, 0) * chance);
      tries = Math.min(tries + 1, 16);
      return next;
    },

    /** The network is back or the page is shown again: a wait is over, anything else stays. */
    _wake(now: number): number | undefined {
      return typeof next == "number" ? (next = Math.min(next, now)) : undefined;
    },

    /** New credentials are there. */
    _credentials(now: number): number {
      return (next = now);
    },
  };
};

export type Reconnect = ReturnType<typeof createReconnect>;
