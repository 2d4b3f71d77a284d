/** A WebSocket that survives: the same shape as the browser's, for connections that come and go. */

import type { Carrier, ChooserFactory, Data, Hands, Host, Layer, LayerFactory, Link, Undelivered } from "./carrier.js";
import { createReconnect } from "./session/reconnect.js";
import type { Lost } from "./session/reconnect.js";
import type { Range, Refused } from "./session/handshake.js";

export type { Range, Refused, Undelivered };
export type { LayerFactory as Resume, ChooserFactory as Fallback };

/** Why credentials are asked for: a new link, a refusal, or the gateway's wish. */
export type Why = "connect" | "refused" | "wanted";

/** Functions that need no `this`. */
export interface Clock {
  now: () => number;
  setTimeout: (then: () => void, milliseconds: number) => any;
  clearTimeout: (timer: any) => void;
  random: () => number;
}

export interface Options {
  /** `resume()` of `@keepwire/client/resume`: messages survive the links. Without it, only the connection comes back. */
  resume?: LayerFactory;
  /** `fallback()` of `@keepwire/client/fallback`: HTTP where WebSockets do not pass. Needs `resume`. */
  fallback?: ChooserFactory;
  /** Asked before every try; null: logged out, do not try again. Sent inside the session, never in the address. */
  credentials?: (why: Why) => string | null | Promise<string | null>;
  /** The wait before a try, unless the gateway says otherwise. */
  reconnect?: Range;
  /** Milliseconds until a connection that does not open is given up (8000), and a close that is not answered (5000). */
  connectTimeout?: number;
  closeTimeout?: number;
  /**
   * What waits while nothing can be sent: messages (1024), bytes (1 MiB), and which one goes when it is full. `send`
   * says false if it is the new one.
   */
  queue?: { messages?: number; bytes?: number; drop?: "new" | "old" };
  /** A constructor to use instead of the global one, such as that of `ws`. */
  WebSocket?: any;
  /** For tests. */
  clock?: Partial<Clock>;
  page?: any;
}

/** Why there is no link. */
export interface DownReason {
  /** Lost, refused by the gateway, given up because the page sleeps, or closed with a code. */
  kind: "broken" | "known" | "refused" | "closed" | "parked";
  code?: number;
  reason?: string;
  refused?: Refused;
}

export interface KeepwireEvents {
  /** There is a connection to the server, and it is a new one: whoever subscribes does it here. */
  open: globalThis.Event;
  message: MessageEvent;
  error: globalThis.Event & { reason: string; data?: unknown };
  /** The end; there will be no other try. */
  close: globalThis.Event & { code: number; reason: string; wasClean: boolean; undelivered: Undelivered[] };
  /** A link is up; `resumed`: nothing was lost meanwhile. */
  up: globalThis.Event & { resumed: boolean };
  /** No link is up; `retryIn`: milliseconds until the next try. */
  down: globalThis.Event & { reason: DownReason; retryIn: number };
  /** The session is gone and something may be missing: load anew. What was sent and not acknowledged is given back. */
  reset: globalThis.Event & { reason: string; undelivered: Undelivered[] };
}

type Handler<Name extends keyof KeepwireEvents> = ((event: KeepwireEvents[Name]) => void) | null;

export interface KeepwireSocket {
  addEventListener<Name extends keyof KeepwireEvents>(
    type: Name,
    listener: (event: KeepwireEvents[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  onopen: Handler<"open">;
  onmessage: Handler<"message">;
  onerror: Handler<"error">;
  onclose: Handler<"close">;
  onup: Handler<"up">;
  ondown: Handler<"down">;
  onreset: Handler<"reset">;
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
/** Timers that are so late tell that the machine slept. */
const LATE = 5000;
/** At least so often somebody looks at the clock. */
const LOOK = 15000;

interface Opened {
  _link?: Link;
  _carrier: Carrier;
  /** When it is given up unless it is open. */
  _by: number;
  /** It has carried something both ways. */
  _proven?: boolean;
}

interface Waiting {
  _data: any;
  _size: number;
}

/** Messages as they are, over one link at a time. */
const plainLayer = (host: Host): Layer => {
  let current = 0;
  let closing = false;
  const link = (): Link | undefined => host._links.get(current)?._link;
  return {
    _protocols: [],
    _open(number, protocol) {
      current = number;
      host._up(number, false, protocol);
      host._proven(number);
    },
    _data: (_, data) => host._message(data),
    _down(number, code, reason, clean) {
      if (number == current) current = 0;
      if (closing) host._closed(code, reason, !!clean);
    },
    _send(data) {
      link()?._send(data);
      return !!current;
    },
    _buffered: () => link()?._buffered!() ?? 0,
    _close(code, reason) {
      closing = true;
      if (current) link()!._close(code, reason);
      else host._closed(code, reason, true);
    },
    _abort: () => [],
    _wake(slept) {
      // No server keeps silent for so long and is still there.
      if (slept > 90000) {
        const dead = current;
        current = 0;
        host._drop(dead, 1000);
      }
    },
    _deadline: () => Infinity,
    _turn() {},
  };
};

export class KeepwireSocket extends EventTarget {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  /** OPEN while there is a session, whether a link is up or not. */
  readyState = CONNECTING;
  url = "";
  /** The application's subprotocol. */
  protocol = "";
  extensions = "";
  binaryType: BinaryType = "blob";
  /** Sends a message, now or once that is possible. False: it is not taken. */
  readonly send: (data: Data | Blob) => boolean;
  readonly close: (code?: number, reason?: string) => void;
  /** Something may have changed: looks whether the link is still there, or tries again at once. */
  readonly wake: () => void;
  /** @internal */
  _buffered: () => number;

  /** Bytes that the other side has not got, as far as it is known. */
  get bufferedAmount(): number {
    return this._buffered();
  }

  constructor(
    source: string | URL | (() => string | URL | Promise<string | URL>),
    protocols: string | string[] = [],
    {
      resume = plainLayer,
      fallback,
      credentials,
      reconnect: range = { min: 250, max: 20000 },
      connectTimeout = 8000,
      closeTimeout = 5000,
      queue: { messages = 1024, bytes = 1048576, drop = "new" } = {},
      WebSocket: Socket,
      page = globalThis,
      // Called without an object, as browsers want it.
      clock: { now: time = Date.now, random = Math.random, setTimeout: sleep = setTimeout, clearTimeout: cancel = clearTimeout } = {},
    }: Options = {},
  ) {
    super();
    const self = this as any;
    const links = new Map<number, Opened>();
    const off = new AbortController();
    let layer: Layer;
    let policy = createReconnect(resume != plainLayer, range);
    let queue: Waiting[] = [];
    let queued = 0;
    let made = 0;
    let why: Why = "connect";
    let asked = false;
    let tryAt = 0;
    let closeBy = Infinity;
    let ending: [number, string] | undefined;
    /** Nothing is to be done: the page sleeps, or all is over. */
    let parked = false;
    let opened = false;
    let woke = -Infinity;
    let timer: unknown;
    let expected = 0;
    let soon = false;
    let last = 0;
    let skew = 0;

    /** The clock, which may be set back, made one that is not. */
    const now = (): number => {
      const at = time();
      if (at < last) skew += last - at;
      return (last = at) + skew;
    };

    const emit = (type: string, fields?: object): unknown =>
      this.dispatchEvent(type == "message" ? new MessageEvent(type, fields) : Object.assign(new Event(type), fields));

    const resolve = (url: string | URL): string => {
      const { href } = new URL(url, page.location?.href);
      return href.replace(/^http/, "ws");
    };

    const listen = (target: any, type: string, then: (event: any) => void): void => {
      target?.addEventListener?.(type, then, off);
    };

    const webSocket: Carrier = ({ _url, _protocols }, hands): Link => {
      const socket = new (Socket ?? WebSocket)(_url, _protocols);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => hands._open(socket.protocol);
      socket.onmessage = (event: any) => hands._data(event.data);
      // `ws` throws what nobody listens to.
      socket.onerror = () => {};
      socket.onclose = (event: any) => hands._down(event.code, event.reason, event.wasClean);
      return {
        _send: (data) => socket.send(data),
        _close: (code, reason) => socket.close(code, reason),
        _buffered: () => socket.bufferedAmount,
      };
    };

    const connect = async (carrier = chooser?._carrier() ?? webSocket, to?: string): Promise<void> => {
      const number = ++made;
      const link: Opened = { _carrier: carrier, _by: now() + connectTimeout };
      tryAt = Infinity;
      links.set(number, link);
      chooser?._began(carrier);
      try {
        const secret = await credentials?.(why);
        const url = to ?? resolve(await (typeof source == "function" ? source() : source));
        why = "connect";
        if (!links.has(number)) return;
        if (secret === null) return finish(4003, "logged out", true);
        self.url = url;
        /** What comes of a link that is forgotten is nothing. */
        const hand =
          (then: (...what: any[]) => void) =>
          (...what: any[]): void => {
            if (links.has(number)) then(...what);
            turn();
          };
        const hands: Hands = {
          _open: hand((protocol) => {
            link._by = Infinity;
            layer._open(number, protocol, secret);
          }),
          _data: hand((data) => layer._data(number, data)),
          _down: hand((code, reason, clean) => lose(number, code || "broken", reason, clean)),
        };
        link._link = carrier({ _url: url, _protocols: [...layer._protocols, ...[protocols].flat()], _key: layer._key }, hands);
      } catch {
        lose(number, "broken");
      }
      later();
    };

    /** A link is gone. */
    const lose = (number: number, how: Lost, reason = "", clean?: boolean): void => {
      const link = links.get(number);
      if (!link) return;
      links.delete(number);
      layer._down(number, +how || 1006, reason, clean);
      failed(link);
      retry(how, reason);
    };

    /** If it never carried anything, its carrier may be to blame. */
    const failed = (link: Opened): void => {
      if (link._proven) return;
      layer._failed?.();
      chooser?._failed(link._carrier);
    };

    const retry = (how: Lost, reason = ""): void => {
      if (parked || links.size || tryAt < Infinity) return;
      if (how == "broken" && now() - woke < 3000) how = "known";
      woke = -Infinity;
      let next = policy._lost(now(), how, random());
      if (next == "credentials") {
        // Whoever is refused with fresh ones waits like everybody.
        next = credentials ? (asked ? policy._lost(now(), "broken", random()) : now()) : "stop";
        asked = true;
        why = "refused";
      }
      const refused = typeof how == "object" ? how : undefined;
      const code = +how || 0;
      if (typeof next != "number") return finish(code || 4003, refused?.reason ?? reason, !!code);
      tryAt = next;
      if (!layer._protocols[0]) self.readyState = CONNECTING;
      emit("down", {
        reason: { kind: refused ? "refused" : code ? "closed" : how, code, reason, refused },
        retryIn: next - now(),
      });
    };

    const finish = (code: number, reason: string, wasClean: boolean, undelivered: Undelivered[] = []): void => {
      if (parked) return;
      parked = true;
      self.readyState = CLOSED;
      for (const { _link } of links.values()) _link?._close();
      links.clear();
      off.abort();
      cancel(timer);
      if (!wasClean) emit("error", { reason });
      emit("close", { code, reason, wasClean, undelivered: giveBack(undelivered) });
    };

    /** Nothing of what waits was ever sent. */
    const giveBack = (undelivered: Undelivered[]): Undelivered[] => {
      queued = 0;
      return [...undelivered, ...queue.splice(0).map(({ _data }) => ({ data: _data, uncertain: false }))];
    };

    const pump = (): void => {
      let first;
      while ((first = queue[0]) && !first._data.arrayBuffer) {
        if (!layer._send(first._data)) break;
        queue.shift();
        queued -= first._size;
      }
      if (ending && !(first && opened)) {
        layer._close(...ending);
        ending = undefined;
      }
    };

    /** Does what is due, and sleeps until there is something else. */
    const turn = (): void => {
      soon = false;
      const at = now();
      for (const [number, { _by, _link }] of links) {
        if (at < _by) continue;
        lose(number, "broken");
        _link?._close();
      }
      if (parked) return;
      if (at >= closeBy) return finish(1006, "", false, layer._abort());
      if (at >= tryAt) connect();
      chooser?._turn(at);
      do pump();
      while (layer._turn(at));
      cancel(timer);
      if (parked) return;
      expected = Math.min(tryAt, closeBy, at + LOOK, layer._deadline(), chooser?._deadline() ?? Infinity);
      for (const { _by } of links.values()) expected = Math.min(expected, _by);
      timer = sleep(() => {
        if (now() - expected > LATE) wake(now() - expected);
        turn();
      }, Math.max(expected - at, 0));
    };

    const later = (): void => {
      if (!soon) queueMicrotask(turn);
      soon = true;
    };

    /** The machine may have slept for some milliseconds; an event says nothing of that. */
    const wake = (slept?: any): void => {
      woke = now();
      layer._wake(slept);
      if (tryAt < Infinity) tryAt = policy._wake(now()) ?? tryAt;
      chooser?._wake();
      later();
    };

    /** Closes all links and keeps the session: a page that sleeps with open ones cannot be brought back. */
    const park = (): void => {
      parked = true;
      tryAt = Infinity;
      for (const number of links.keys()) {
        layer._down(number, 1001, "");
        host._drop(number, undefined, true);
      }
      cancel(timer);
      emit("down", { reason: { kind: "parked" }, retryIn: Infinity });
    };

    const host: Host = {
      _now: now,
      _random: random,
      _sleep: sleep,
      _cancel: cancel,
      _url: () => self.url,
      _links: links,
      _webSocket: webSocket,
      _later: later,
      _connect: connect,
      _emit: emit,
      _ask: credentials,
      _retry: retry,
      _closed: finish,
      _message: (data) =>
        emit("message", {
          data: typeof data == "string" ? data : self.binaryType == "blob" ? new Blob([data]) : data,
        }),
      _up(_, resumed, protocol, range) {
        policy._up(now(), resumed);
        if (range) policy._setRange(range);
        tryAt = Infinity;
        asked = false;
        if (!resumed) {
          self.protocol = protocol;
          if (self.readyState < CLOSING) self.readyState = OPEN;
          // What an application does when it is open comes before what waits for a connection from before.
          const waiting = opened ? queue.splice(0) : [];
          opened = true;
          emit("open");
          queue.push(...waiting);
        }
        emit("up", { resumed });
      },
      _proven(number) {
        const link = links.get(number);
        if (link) {
          link._proven = true;
          chooser?._proven(link._carrier);
        }
      },
      _drop(number, code, quietly) {
        const link = links.get(number);
        links.delete(number);
        link?._link?._close(code);
        if (quietly) return;
        // Up to 4000 another link has taken its place, or its session has ended.
        if (link && code! > 4000) failed(link);
        retry("broken");
      },
      _reset(reason, undelivered) {
        if (self.readyState == OPEN) self.readyState = CONNECTING;
        emit("reset", { reason, undelivered: giveBack(undelivered) });
        retry("broken");
      },
      _plain(link, protocol) {
        // What the session has taken was never sent.
        queue.unshift(...layer._abort().map(({ data }) => ({ _data: data, _size: 0 })));
        layer = plainLayer(host);
        policy = createReconnect(false, range);
        if (link) layer._open(link, protocol);
        else if (!links.size) tryAt = now();
        later();
      },
    };

    this._buffered = () => queued + layer._buffered();
    this.wake = wake;
    this.send = (data) => {
      const _size = (data as any).length ?? (data as any).byteLength ?? (data as any).size;
      if (self.readyState > OPEN) return false;
      while (queue[0] && (queue.length >= messages || queued + _size > bytes)) {
        if (drop == "new") return false;
        queued -= queue.shift()!._size;
      }
      const one: Waiting = { _data: data, _size };
      queue.push(one);
      queued += _size;
      if (data instanceof Blob) {
        data.arrayBuffer().then((buffer) => {
          one._data = buffer;
          later();
        });
      }
      pump();
      later();
      return true;
    };
    this.close = (code = 1000, reason = "") => {
      if (!/^(1000|[34]...)$/.test(code as any) || new TextEncoder().encode(reason).length > 123) {
        throw RangeError("code or reason");
      }
      if (self.readyState > OPEN) return;
      self.readyState = CLOSING;
      ending = [code, reason];
      closeBy = now() + closeTimeout;
      later();
    };

    for (const name of ["open", "message", "error", "close", "up", "down", "reset"]) {
      self["on" + name] = null;
      this.addEventListener(name, (event) => self["on" + name]?.(event));
    }
    if (typeof source != "function") self.url = resolve(source);
    layer = resume(host);
    const chooser = fallback?.(host);
    const { document, navigator } = page;
    listen(page, "online", wake);
    listen(page, "offline", wake);
    listen(navigator?.connection, "change", wake);
    listen(document, "resume", wake);
    layer._hide?.(document?.hidden);
    listen(document, "visibilitychange", () => {
      layer._hide?.(document.hidden);
      if (!document.hidden) wake();
    });
    listen(page, "pagehide", ({ persisted }) => {
      if (persisted) return park();
      // A plain connection is closed by the browser.
      if (layer._hide) {
        layer._close(1001, "");
        layer._turn(now());
      }
    });
    listen(page, "pageshow", ({ persisted }) => {
      if (!persisted) return;
      parked = false;
      tryAt = now();
      later();
    });
    later();
  }
}

/** The same without `new`. */
export const connect = (
  source: string | URL | (() => string | URL | Promise<string | URL>),
  { protocols, ...options }: Options & { protocols?: string | string[] } = {},
): KeepwireSocket => new KeepwireSocket(source, protocols, options);
