/**
 * The state machine of a client's end: which link carries the session, what goes out on it, what came in, and what
 * happens when it breaks (protocol/PROTOCOL.md sections 6 to 10). It opens no socket, reads no clock and draws no
 * random number: frames and the time come in, frames, events and deadlines go out.
 *
 * Names that begin with an underscore are between these files, and short in the package. Links have numbers from 1.
 */

import { CLOSED, createFlow, JUMP, LARGE, LEAST_WINDOW } from "./flow.js";
import { ACK, CLOSE, DATA, decode, encode, encodeJson, PING, PONG } from "./frame.js";
import type { GoAway, Range, Refused } from "./handshake.js";
import { createReplay } from "./replay.js";
import type { Ending, Undelivered } from "./replay.js";

/** Limits in bytes and messages; the defaults are those of section 12. */
export interface Settings {
  /** Credit beyond what was handled. */
  window?: number;
  /** Bytes and messages to be sent that are held. */
  holdBytes?: number;
  holdMessages?: number;
  /** Bytes of one incoming message. */
  messageLimit?: number;
  /** Name and version of the client, for logs. */
  agent?: string;
}

/** What became of the session: an event's kind is its place in this list of who takes it. */
export type Takers = [
  /** The link carries the session now; `resumed`: an earlier one did before. The gateway may say how to reconnect. */
  up: (link: number, resumed: boolean, reconnect?: Range) => void,
  /** A PING was answered on the link after so many milliseconds: it carries frames both ways. */
  proven: (link: number, roundTrip: number) => void,
  /** A message, once and in order; `_handled` with its number acknowledges it. */
  message: (data: string | Uint8Array, number: number) => void,
  /** Close this link with this code; the session has forgotten it. */
  drop: (link: number, code: number) => void,
  refused: (refused: Refused) => void,
  goAway: (goAway: GoAway) => void,
  /** The gateway wants new credentials. */
  wanted: () => void,
  /** The session has ended in order. */
  closed: (ending: Ending, undelivered: Undelivered[]) => void,
  /** The session has ended and something may be missing. The next link begins a new one. */
  reset: (reason: string, undelivered: Undelivered[]) => void,
];

const UP = 0;
const PROVEN = 1;
const MESSAGE = 2;
const DROP = 3;
const REFUSED = 4;
const GO_AWAY = 5;
const WANTED = 6;
const ENDED = 7;
const RESET = 8;

/** What `_send` answers. */
export const TAKEN = 0;
export const FULL = 1;
export const TOO_LARGE = 2;
export const OVER = 3;

export const createSession = ({
  window = 262144,
  holdBytes = 262144,
  holdMessages = 1024,
  messageLimit = 1048576,
  agent,
}: Settings = {}) => {
  let identity: { id: string; token: string; epoch: string } | undefined;
  let protocol = "";
  let generation = 0;
  let attempt = 0;
  /** The link that carries the session, and what goes out on it beside messages. */
  let current = 0;
  let control: Uint8Array[] = [];
  /** The link that waits for an answer to HELLO or RESUME, and until when. */
  let candidate = 0;
  let hello: Uint8Array[] = [];
  let answerBy = 0;
  /** A link on which only RESET is left. */
  let leaving = 0;
  let farewell: Uint8Array;
  let replay = createReplay();
  let flow: ReturnType<typeof createFlow>;
  let peerLimit = Infinity;
  let patience = 35000;
  /** When the link is given up: after silence, or sooner after waking up. */
  let silentAt = 0;
  let wakeBy = 0;
  let ending = false;
  let ended = false;
  let hidden = 0;
  /** Of the last PING, and when it went out unless it is answered. */
  let nonce = 0;
  let asked: number | undefined;
  let violated = -Infinity;
  const events: [number, ...any[]][] = [];

  const emit = (...event: [number, ...any[]]): void => {
    events.push(event);
  };

  const drop = (link: number, code: number): void => {
    if (link) emit(DROP, link, code);
  };

  const begin = (): void => {
    replay = createReplay();
    flow = createFlow(Math.max(window, LEAST_WINDOW), messageLimit);
  };

  /** At most one PONG and one PING wait, however many the peer asks for. */
  const beat = (kind: number, of: number): void => {
    control = control.filter((waiting) => waiting[0] != kind);
    control.push(encode(kind, [of, replay._sent(), ...flow._acknowledge()], [hidden]));
  };

  const ask = (now: number): void => {
    asked = now;
    beat(PING, ++nonce);
  };

  const heard = (now: number): void => {
    silentAt = now + patience;
    wakeBy = Infinity;
  };

  const attach = (now: number, credit: number, resumed: boolean, reconnect?: Range): void => {
    replay._acknowledge(0, credit);
    heard(now);
    control = [];
    // A link is proven by a round trip.
    ask(now);
    emit(UP, current, resumed, reconnect);
  };

  /** The link is gone, or is closed with a code. */
  const detach = (code: number): void => {
    const link = current;
    current = 0;
    // All is said; the gateway forgets it in its own time.
    if (ending) end();
    if (code) drop(link, code);
  };

  const end = (): void => {
    ended = true;
    drop(current, 1000);
    drop(candidate, 1000);
    current = candidate = 0;
  };

  /** This side's CLOSE has arrived, or nobody has to be told. */
  const closed = (why: Ending): void => {
    const undelivered = replay._giveBack();
    end();
    emit(ENDED, why, undelivered);
  };

  /** The session is gone with a possible hole. The next link begins anew. */
  const gone = (reason: string, received?: number): void => {
    if (ending) return end();
    const closing = replay._closing();
    // A CLOSE that the other side does not know any more has arrived, or has lost its point.
    if (closing) return closed(closing);
    end();
    ended = false;
    identity = undefined;
    emit(RESET, reason, replay._giveBack(received));
    begin();
  };

  /** This side ends the session because something may be missing, and says so if it can. */
  const reset = (reason: string, received?: number): void => {
    leaving = current;
    farewell = encodeJson(14, { reason, received: flow._received() });
    current = 0;
    gone(reason, received);
  };

  /** The peer broke a rule on this link. A new link may cure it, once. */
  const violation = (now: number, link: number): void => {
    if (link == candidate) {
      candidate = 0;
      drop(link, 4001);
    } else if (now - violated < 30000) {
      reset("protocol");
    } else {
      violated = now;
      detach(4001);
    }
  };

  /** The first frame on a candidate. */
  const answered = (now: number, link: number, kind: number, body: any): void => {
    candidate = 0;
    const { token, credit, received, reason } = body;
    if (kind == (identity ? 4 : 2)) {
      drop(current, 1000);
      current = link;
      generation = body.generation;
      if (identity) {
        identity.token = token;
        if (body.held > flow._received() + 1 || !replay._rewind(received)) reset("hole", received);
        else attach(now, credit, true);
      } else {
        patience = body.heartbeat.interval + body.heartbeat.grace;
        identity = { id: body.id, token, epoch: body.epoch };
        protocol = body.protocol ?? "";
        peerLimit = body.message_limit;
        attach(now, credit, false, body.reconnect);
      }
    } else if (kind == 5) {
      drop(link, 4003);
      if (body.class == "new" && identity && !current) gone(reason, received);
      emit(REFUSED, body);
    } else {
      drop(link, 4001);
    }
  };

  const close = (code: number, reason: string): void => {
    const why: Ending = [code, reason, 0];
    if (ended || ending || replay._closing()) return;
    if (identity) replay._close(why);
    else closed(why);
  };

  const frame = (now: number, link: number, kind: number, body: any, flags: number, rest: Uint8Array): void => {
    if (kind == DATA || kind == CLOSE) {
      // What comes after a CLOSE of this side because of a fault is not looked at any more.
      if (kind == DATA && (ending || replay._closing()?.[0] == 1009)) return;
      const taken = flow._take(now, body[0], flags, kind == DATA ? rest : undefined);
      if (taken === JUMP) {
        violation(now, link);
      } else if (taken === LARGE) {
        close(1009, "the message is too large");
      } else if (taken === CLOSED) {
        ending = true;
        emit(ENDED, [body[1], body[2], flags], replay._giveBack());
      } else if (taken) {
        if (typeof taken == "string") reset(taken);
        else emit(MESSAGE, (taken as any)[0], body[0]);
      }
    } else if (kind > 5 && kind < 10) {
      if (!ending) {
        const [number, credit] = body.slice(-2);
        const done = replay._acknowledge(number, credit);
        if (done) closed(done);
        else if (done === false) violation(now, link);
      }
      if (kind == PING) {
        beat(PONG, body[0]);
      } else if (kind == PONG && link == current && body[0] == nonce && asked != null) {
        emit(PROVEN, link, now - asked);
        asked = undefined;
      }
    } else if (kind == 14) {
      detach(1000);
      gone(body.reason, body.received);
    } else if (kind == 12) {
      emit(GO_AWAY, body);
    } else if (kind == 10) {
      emit(WANTED);
    } else if (kind != 11) {
      violation(now, link);
    }
  };

  begin();
  return {
    _events: events,
    _isUp: () => current,
    /** Whether a link waits for its welcome. While one does, the loss of another is no reason to try again. */
    _isTrying: () => candidate,
    _hasEnded: () => ended,

    /** Whether the next link comes to resume. */
    _known: () => !!identity,
    _deadline: () =>
      Math.min(candidate ? answerBy : Infinity, current ? Math.min(silentAt, wakeBy, flow._due()) : Infinity),
    /** The application's subprotocol. */
    _protocol: () => protocol,
    /** Bytes that were sent and the other side has not acknowledged. */
    _unacknowledged: () => replay._bytes(),
    /** LINK, which says whose an HTTP body is, and which poll of its link. */
    _key: (poll?: number) => encodeJson(15, { ...identity, epoch: undefined, generation, poll }),
    _close: close,
    /** Messages that were sent and the other side has not acknowledged. */
    _count: () => replay._count(),
    /** The session as another page needs it to resume, or what it was given; in between two turns. */
    _state(to: any[] = []): any[] {
      if (to[0]) [attempt, protocol, peerLimit, patience, identity] = to;
      return [attempt, protocol, peerLimit, patience, identity, replay._state(to[5]), flow._state(to[6])];
    },

    /** A link is open. The one that carries the session goes on until this one is welcome. */
    _linkUp(now: number, link: number, credentials?: string): void {
      if (ended) return drop(link, 1000);
      drop(candidate, 4000);
      attempt++;
      candidate = link;
      answerBy = now + 5000;
      const credit = flow._grant();
      hello = [
        identity
          ? encodeJson(3, {
              ...identity,
              attempt,
              received: flow._received(),
              held: replay._acknowledged() + 1,
              credit,
              credentials,
            })
          : encodeJson(1, { version: 1, credit, credentials, agent }),
      ];
    },

    /** A link is gone; nothing needs to be closed. */
    _linkDown(link: number): void {
      if (link == candidate) candidate = 0;
      if (link == current) detach(0);
      if (link == leaving) leaving = 0;
    },

    _send(text: boolean, payload: Uint8Array): number {
      const count = replay._count();
      return ended || ending || replay._closing()
        ? OVER
        : payload.length > peerLimit
          ? TOO_LARGE
          : // One message is always taken, however large.
            (count && replay._bytes() + payload.length > holdBytes) || count >= holdMessages
            ? FULL
            : (replay._push(text, payload), TAKEN);
    },

    /** Ends the session at once, for a reason of section 8. */
    _abort(reason: string): void {
      if (!ended) reset(reason);
    },

    /** The application has handled the message with this number, and all before it. */
    _handled(now: number, number: number): void {
      flow._handled(now, number);
    },

    /** The machine slept, the page is shown again, the network changed: is the link still there? */
    _wake(now: number): void {
      if (current) {
        ask(now);
        wakeBy = now + 2500;
      }
    },

    _hide(to: boolean): void {
      hidden = +to;
    },

    _authenticate(credentials: string): void {
      control.push(encodeJson(10, { credentials }));
    },

    /** Frames have come on a link: a whole carrier message, or several. */
    _receive(now: number, link: number, bytes: Uint8Array): void {
      try {
        decode(bytes, (kind, body, flags, rest) => {
          if (link == candidate) {
            answered(now, link, kind, body);
          } else if (link == current) {
            heard(now);
            frame(now, link, kind, body, flags, rest);
          }
        });
      } catch {
        if (link == candidate || link == current) violation(now, link);
      }
    },

    /** What goes out on a link now, until it is longer than `limit`: one carrier message. */
    _transmit(now: number, link: number, limit: number): Uint8Array[] {
      let out: Uint8Array[] = [];
      if (link == candidate) out = hello.splice(0);
      if (link == current) {
        out = control.splice(0);
        const settled = ending && flow._settled();
        if (settled || flow._due() <= now) out.push(encode(ACK, flow._acknowledge(), []));
        replay._transmit(out, limit);
        // The CLOSE is acknowledged, and everything before it.
        if (settled) end();
      }
      if (link == leaving) {
        out = [farewell];
        leaving = 0;
        drop(link, 1000);
      }
      return out;
    },

    /** The time has come. */
    _timeout(now: number): void {
      if (candidate && answerBy <= now) {
        drop(candidate, 4002);
        candidate = 0;
      }
      if (current && Math.min(silentAt, wakeBy) <= now) detach(4004);
    },
  };
};

export type Session = ReturnType<typeof createSession>;
