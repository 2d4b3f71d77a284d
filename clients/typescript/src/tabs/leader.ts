/**
 * The tab that leads: the one socket, which messages in its session are whose, and what is left to the next one. It tells
 * all tabs what happens, its own like the others.
 */

import type { Host, Layer } from "../carrier.js";
import { KeepwireSocket } from "../index.js";
import type { Options, Undelivered } from "../index.js";
import type { SharedOptions } from "../tabs.js";

const OPEN = 1;

/** What the leader has taken of a tab in this session, and what of that the gateway has acknowledged. */
export type Account = [taken: number, acknowledged: number];

/** What tabs tell each other; names are in full, since two tabs may have two builds of this. */
export interface Note {
  kind: string;
  [member: string]: any;
}

/** What a leader leaves behind. */
export interface Estate {
  session: string;
  /** Messages that have come in this session. */
  number: number;
  tabs: [string, Account][];
  /** Of which tab each message is that the gateway has not acknowledged. */
  entries: [string, number][];
  range?: any;
  state?: any[] | undefined;
  protocol: string;
}

/** The one socket, and whose is what it sends. */
export const createLeader = (
  url: string,
  { protocols, resume, fallback, ...options }: SharedOptions,
  page: any,
  tell: (note: Note) => void,
  /** False: this tab was frozen, and is not sure yet that it still leads. */
  sure: () => boolean,
  estate?: Estate,
) => {
  let session = estate?.session ?? crypto.randomUUID();
  let number = estate?.number ?? 0;
  let range = estate?.range;
  let tabs = new Map<string, Account>(estate?.tabs);
  /** What was given to the socket, and how much of that is in the session. */
  let entries = estate?.entries ?? [];
  let inside = entries.length;
  let plain = !resume;
  let host: Host;
  let layer: Layer | undefined;
  /** What the layer has got while this tab is not sure. */
  let doubtful: (() => void)[] = [];
  /** Something came, and what it means is not told yet: what is sent now would belong nowhere. */
  let between = false;
  let blocked = false;
  let sending: [string, number] | undefined;
  let closing: [number, string] | undefined;
  let up = false;
  let over = false;

  const say = (note: Note): void => {
    if (!over) tell(note);
  };

  const accountOf = (id: string): Account => {
    const account = tabs.get(id) ?? [0, 0];
    tabs.set(id, account);
    return account;
  };

  const credit = (done: [string, number][]): void => {
    for (const [id, of] of done) {
      const account = tabs.get(id);
      if (account) account[1] = of;
    }
  };

  /** So many of the oldest are acknowledged. */
  const settle = (done: number): void => {
    if (done <= 0) return;
    credit(entries.splice(0, done));
    inside = Math.max(inside - done, 0);
    say({ kind: "acknowledged", tabs: Object.fromEntries([...tabs].map(([id, account]) => [id, account[1]])) });
  };

  const settlePlain = (): void => {
    if (plain && socket.readyState == OPEN) settle(entries.length);
  };

  /** The session is over: up to which number each tab's messages arrived, and up to which they may have. */
  const balance = (undelivered: Undelivered[]): object => {
    if (over) return {};
    const balance: Record<string, Account> = {};
    credit(entries.splice(0, Math.max(entries.length - undelivered.length, 0)));
    for (const [id, [, acknowledged]] of tabs) balance[id] = [acknowledged, acknowledged];
    entries.forEach(([id, of], at) => {
      if (undelivered[at]!.uncertain && balance[id]) balance[id][1] = of;
    });
    entries = [];
    tabs = new Map();
    inside = number = 0;
    session = crypto.randomUUID();
    return { tabs: balance };
  };

  const guarded =
    <Arguments extends any[]>(then: (...what: Arguments) => void) =>
    (...what: Arguments): void => {
      if (sure()) then(...what);
      else doubtful.push(() => then(...what));
    };

  const wrap = (given: Host): Layer => {
    host = given;
    const inner = (layer = resume!({
      ...given,
      _up(link, resumed, protocol, to) {
        // A session that was handed over keeps what the gateway said when it began.
        range = to ?? range;
        given._up(link, resumed, protocol, range);
      },
      _plain(link, protocol) {
        plain = true;
        inside = 0;
        given._plain(link, protocol);
      },
    }));
    if (estate?.state) inner._state!(estate.state);
    return {
      ...inner,
      get _protocols() {
        return inner._protocols;
      },
      _open: guarded(inner._open),
      _down: guarded(inner._down),
      _data: guarded((link, data) => {
        between = true;
        inner._data(link, data);
      }),
      _send(data) {
        blocked = between || !sure();
        if (blocked) return false;
        const before = inner._count!();
        sending = entries[inside];
        const taken = inner._send(data);
        sending = undefined;
        // What is too large is gone, and its tab has been told.
        if (inner._count!() > before) inside++;
        else if (taken) entries.splice(inside, 1);
        return taken;
      },
      /** After everything that was sent before. */
      _close(...how) {
        if (inside < entries.length) closing = how;
        else inner._close(...how);
      },
      _deadline: () => (doubtful[0] ? Infinity : inner._deadline()),
      _turn(now) {
        if (!sure()) return;
        const more = inner._turn(now) || blocked;
        blocked = between = false;
        if (!plain) settle(inside - inner._count!());
        if (!closing || inside < entries.length) return more;
        inner._close(...closing);
        closing = undefined;
        return true;
      },
    };
  };

  const socket = new KeepwireSocket(url, protocols, {
    ...options,
    resume: resume && wrap,
    // The tabs have queues of their own.
    queue: { messages: Infinity, bytes: Infinity },
    fallback: (given: Host) => {
      host = given;
      return fallback?.(given) as any;
    },
    // What becomes of the session when this page goes away is decided here.
    page: {
      location: page.location,
      document: page.document,
      navigator: page.navigator,
      addEventListener(type: string, ...rest: any[]) {
        if (!type.startsWith("page")) page.addEventListener?.(type, ...rest);
      },
    },
  } as Options);
  socket.binaryType = "arraybuffer";
  if (estate?.state?.[4]) {
    socket.readyState = OPEN;
    socket.protocol = estate.protocol;
  }

  socket.onmessage = ({ data }) => say({ kind: "message", number: ++number, data });
  socket.onopen = () => {
    say({ kind: "open", protocol: socket.protocol, url: socket.url });
    queueMicrotask(settlePlain);
  };
  socket.onup = ({ resumed }) => {
    up = true;
    say({ kind: "up", resumed });
  };
  socket.ondown = ({ reason, retryIn }) => {
    up = false;
    say({ kind: "down", reason, retryIn, open: socket.readyState == OPEN });
  };
  socket.onerror = ({ reason }) => say({ kind: "error", reason, to: sending?.[0], number: sending?.[1] });
  socket.onreset = ({ reason, undelivered }) => {
    up = false;
    say({ kind: "reset", reason, ...balance(undelivered), session });
  };
  socket.onclose = ({ code, reason, wasClean, undelivered }) =>
    say({ kind: "close", code, reason, wasClean, ...balance(undelivered) });

  /** Nothing more comes of it. */
  const stop = (): void => {
    over = true;
    doubtful = [];
    host._closed(1000, "", true);
  };

  return {
    /** What a tab needs that joins, and what says to the others that this one is alive. */
    _state: (): Note => ({
      kind: "state",
      session,
      number,
      open: socket.readyState == OPEN,
      up,
      protocol: socket.protocol,
      url: socket.url,
      tabs: Object.fromEntries(tabs),
    }),
    _join: accountOf,
    _forget: (id: string): unknown => tabs.delete(id),
    /** Every message of a session once, and in the order of its tab. */
    _take(id: string, to: string | undefined, of: number, data: any): void {
      const account = accountOf(id);
      if (to != session || of != account[0] + 1) return;
      entries.push([id, of]);
      if (!socket.send(data)) return void entries.pop();
      account[0] = of;
      if (plain) queueMicrotask(settlePlain);
    },
    /** It is still the leader. */
    _resolve(): void {
      for (const then of doubtful.splice(0)) then();
      host?._later();
    },
    _wake: (): void => socket.wake(),
    _close: (code: number, reason: string): void => socket.close(code, reason),
    /** Leaves everything to whoever comes next. */
    _handOver(): Estate {
      // What is not in the session yet is still with its tab, too.
      for (const [id, of] of entries.splice(inside).reverse()) accountOf(id)[0] = of - 1;
      const state = plain ? undefined : layer!._state!();
      const { protocol } = socket;
      stop();
      return { session, number, tabs: [...tabs], entries, range, state, protocol };
    },
    /** Others have begun anew: nothing of this session is sent any more. */
    _end(): void {
      over = true;
      if (!plain) layer!._abort();
      stop();
    },
    /** The page goes away, and nobody is left. */
    _part(): void {
      if (!plain) {
        layer!._close(1001, "");
        layer!._turn(host._now());
      }
    },
  };
};
