/**
 * One connection for all tabs. The tab that holds a Web Lock leads: it has the socket, tells the others what comes in, and
 * sends for them. One that leaves in order hands its session over; one that falls silent is deposed, and whatever it says
 * afterwards carries a term that is over.
 */

import { connect } from "./index.js";
import type { KeepwireSocket, Options, Undelivered } from "./index.js";
import { createLeader } from "./tabs/leader.js";
import type { Account, Estate, Note } from "./tabs/leader.js";

export interface SharedOptions extends Options {
  protocols?: string | string[];
  /** Whose connection it is, such as the account's id. Only tabs that name the same one share. */
  subject?: string;
}

/** A KeepwireSocket, whose link may be in another tab. */
export type SharedSocket = KeepwireSocket & {
  /** This tab has the link. */
  readonly leading: boolean;
};

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
/** How often a tab asks whether somebody leads. */
const ASK = 2000;
/** How long it waits for an answer, and after a leader has said that it leaves; and a little more, drawn by each tab. */
const SILENCE = 6500;
const VACANCY = 1000;
const SPREAD = 1000;
/** A tab that nobody sees lets the others go first. */
const MODESTY = 1500;
/** What is so late tells that this tab was frozen, and that others may have gone on without it. */
const LATE = 5000;
/** A hidden tab asks once in a minute. One that is silent for longer is not there any more. */
const GONE = 150000;

interface Own {
  _data: any;
  _size: number;
  /** Its number, once it has been given to a leader. */
  _number?: number;
}

class Shared extends EventTarget {
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  readyState = CONNECTING;
  protocol = "";
  extensions = "";
  binaryType: BinaryType = "blob";
  readonly send: KeepwireSocket["send"];
  readonly close: KeepwireSocket["close"];
  readonly wake: () => void;
  _leads: () => boolean;
  _buffered: () => number;

  get leading(): boolean {
    return this._leads();
  }

  get bufferedAmount(): number {
    return this._buffered();
  }

  constructor(
    public url: string,
    name: string,
    page: any,
    options: SharedOptions,
  ) {
    super();
    const self = this as any;
    const { locks } = page.navigator;
    const {
      closeTimeout = 5000,
      queue: { messages = 1024, bytes = 1048576, drop = "new" } = {},
      clock: { now = Date.now, random = Math.random, setTimeout: sleep = setTimeout, clearTimeout: cancel = clearTimeout } = {},
    } = options;
    const id = crypto.randomUUID();
    const off = new AbortController();
    let channel: any;
    /** The latest term of which this tab knows, the session of it, and how many of its messages came. */
    let term = 0;
    let session: string | undefined;
    let number = 0;
    /** Whether the leader of this term has said how things are. */
    let attached = false;
    let up = false;
    /** What was sent and the gateway has not acknowledged. */
    let own: Own[] = [];
    let size = 0;
    let numbered = 0;
    /** Up to which number it was given to this leader. */
    let given = 0;
    let leader: ReturnType<typeof createLeader> | undefined;
    let estate: Estate | undefined;
    /** The lock, or the wish for it. */
    let grip: { _off: AbortController; _release?: () => void } | undefined;
    /** Other tabs, and when they were heard. */
    const others = new Map<string, number>();
    /** Nobody leads, unless something is heard until then. */
    let silentAt = Infinity;
    let timer: any;
    let dueAt = 0;
    /** When this tab was last awake for certain, and what waits until it knows what it missed. */
    let awake = now();
    let doubt = false;
    let waiting: (() => void)[] = [];
    let ending: [number, string] | undefined;
    let closeBy = Infinity;
    /** This tab was the last one, and ends the session. */
    let closing = false;
    let resting = false;

    const listen = (target: any, type: string, then: (event: any) => void): void => {
      target?.addEventListener?.(type, then, { signal: off.signal });
    };
    const emit = (type: string, fields?: object): void => {
      this.dispatchEvent(type == "message" ? new MessageEvent(type, fields) : Object.assign(new Event(type), fields));
    };
    const post = (note: Note): void => channel?.postMessage({ ...note, term, from: id });
    const hidden = (): boolean => page.document?.hidden;

    /** What the leader says, it says to itself as well. */
    const tell = (note: Note): void => {
      // Whoever ends as the last one tells nobody: a tab that comes just now begins anew.
      if (!closing) post(note);
      take(note);
    };

    // ---- Who leads

    const acquire = (steal?: boolean): void => {
      grip?._off.abort();
      const mine: typeof grip = (grip = { _off: new AbortController() });
      const granted = (): Promise<void> | void => {
        if (grip != mine) return;
        return new Promise((release) => {
          mine._release = release;
          entitled(mine, steal);
        });
      };
      locks
        .request(name, steal ? { steal } : { signal: mine._off.signal }, granted)
        .catch((error: Error) => error.name)
        .then((why: string | undefined) => {
          if (grip != mine) return;
          if (why == "AbortError") {
            // It was stolen.
            if (leader) stepDown();
            acquire();
          } else {
            // Nobody may have locks here: this tab goes on by itself.
            channel?.close();
            channel = undefined;
            lead();
          }
        });
    };

    /** The lock is this tab's, unless it was frozen when it got it and has lost it since: that is known after a question. */
    const entitled = async (mine: NonNullable<typeof grip>, waited?: boolean): Promise<void> => {
      await locks.query().catch(() => {});
      if (grip != mine || leader) return;
      // What the last leader has left may be still on the way.
      if (session && !estate && !waited) schedule(VACANCY);
      else lead();
    };

    const lead = (): void => {
      if (leader || resting) return;
      // Above all that was ever heard, and above what was not: clocks are the same for all tabs.
      term = Math.floor(Math.max(term + 1, now())) + random();
      silentAt = Infinity;
      awake = now();
      const left = estate;
      estate = undefined;
      attached = false;
      leader = createLeader(url, options, page, tell, sure, left);
      tell(leader._state());
      schedule(ASK);
    };

    const release = (): void => {
      const { _off, _release } = grip ?? {};
      grip = undefined;
      _off?.abort();
      _release?.();
    };

    /** Somebody else leads. */
    const stepDown = (): void => {
      leader!._end();
      leader = undefined;
      doubt = attached = false;
      waiting = [];
      ask();
    };

    /** Whether this tab leads for certain. If it was frozen, the lock manager is asked first. */
    const sure = (): boolean => {
      const late = now() - awake > LATE;
      awake = now();
      if (late && !doubt) {
        doubt = true;
        locks
          .query()
          .catch(() => {})
          .then(() => {
            // If it was deposed, that was said before the answer.
            if (!doubt) return;
            doubt = false;
            awake = now();
            leader?._resolve();
            for (const then of waiting.splice(0)) then();
            flush();
          });
      }
      return !doubt;
    };

    const ask = (): void => {
      if (leader) return;
      post({ kind: "ask" });
      if (silentAt == Infinity) silentAt = now() + SILENCE + SPREAD * random() + (hidden() ? MODESTY : 0);
    };

    const schedule = (milliseconds: number): void => {
      cancel(timer);
      dueAt = now() + milliseconds;
      timer = sleep(look, milliseconds);
    };

    const look = (): void => {
      const at = now();
      if (at >= closeBy) return end();
      let next = ASK;
      if (leader) {
        sure();
      } else if (grip?._release) {
        entitled(grip, true);
      } else if (at < silentAt) {
        ask();
        next = Math.min(next, silentAt - at);
      } else if (at - dueAt > LATE) {
        // The answer may have come while this tab slept: first it is heard.
        next = 1000;
      } else {
        acquire(true);
      }
      schedule(Math.min(next, closeBy - at));
    };

    // ---- What tabs tell each other

    const hear = ({ data }: { data: Note }): unknown => {
      const { kind, from } = data;
      if (data.term < term && kind != "ask" && kind != "bye" && kind != "send") return;
      others.set(from, now());
      if (kind == "bye") {
        others.delete(from);
        if (data.final) leader?._forget(from);
        return end();
      }
      if (kind == "ask" || kind == "send" || kind == "wake") {
        if (leader && data.term <= term) return serve(data);
        // Nobody shall take a term that is over.
        if (data.term < term) post({ kind: "term" });
      }
      if (data.term > term) {
        term = data.term;
        attached = false;
        // Whoever has no lock has to have lost it.
        if (leader) {
          release();
          stepDown();
          acquire();
        }
      }
      if (leader || /^(ask|send|wake|term)$/.test(kind)) return;
      if (kind == "estate") {
        estate = data.estate;
        attached = false;
        if (grip?._release) return entitled(grip);
        silentAt = now() + VACANCY + (SPREAD / 2) * random() + (hidden() ? MODESTY : 0);
        schedule(silentAt - now());
      } else {
        silentAt = Infinity;
        take(data);
      }
    };

    /** A leader answers. */
    const serve = (note: Note): void => {
      if (!leader || closing) return;
      if (!sure()) {
        waiting.push(() => serve(note));
      } else if (note.kind == "ask") {
        leader._join(note.from);
        post(leader._state());
      } else if (note.kind == "wake") {
        leader._wake();
      } else if (note.term == term) {
        leader._take(note.from, note.session, note.number, note.data);
      }
    };

    const alone = (): boolean => {
      for (const [other, at] of others) if (now() - at > GONE) others.delete(other);
      return !others.size;
    };

    /** What the leader says, in every tab. */
    const take = (note: Note): void => {
      const { kind } = note;
      if (kind == "state") return attach(note);
      if (!attached) return;
      if (kind == "message") {
        if (note.number <= number) return;
        if (note.number > number + 1) miss();
        number = note.number;
        const { data } = note;
        emit("message", { data: typeof data != "string" && self.binaryType == "blob" ? new Blob([data]) : data });
      } else if (kind == "acknowledged") {
        acknowledge(note.tabs[id]);
      } else if (kind == "open") {
        opened(note);
      } else if (kind == "up") {
        // A session that goes on in another tab was never down.
        if (up && note.resumed) return;
        up = true;
        emit("up", { resumed: note.resumed });
      } else if (kind == "down") {
        if (!note.open) unopened();
        down(note.reason, note.retryIn);
      } else if (kind == "error") {
        if (!note.to) emit("error", { reason: note.reason });
        else if (note.to == id) fail(own.find(({ _number }) => _number == note.number), note.reason);
      } else if (kind == "reset") {
        session = note.session;
        number = 0;
        up = false;
        lose(note.reason, ...(note.tabs[id] ?? [0, 0]) as Account);
        flush();
      } else if (kind == "close") {
        const undelivered = giveBack(...(note.tabs[id] ?? [0, 0]) as Account);
        finish(note.code, note.reason, note.wasClean, undelivered);
      }
    };

    const opened = (note: Note): void => {
      self.protocol = note.protocol;
      self.url = note.url || self.url;
      if (self.readyState < CLOSING) self.readyState = OPEN;
      emit("open");
    };

    const down = (reason: object, retryIn: number): void => {
      up = false;
      emit("down", { reason, retryIn });
    };

    const unopened = (): void => {
      if (self.readyState == OPEN) self.readyState = CONNECTING;
    };

    /** A leader is there: does it go on with what this tab knows? */
    const attach = (note: Note): void => {
      const [taken, acknowledged] = note.tabs[id] ?? [0, 0];
      if (attached) return acknowledge(acknowledged);
      attached = true;
      estate = undefined;
      const known = session;
      session = note.session;
      if (known && known != session) {
        const was = up;
        up = false;
        number = note.number;
        lose("leader");
        if (was) down({ kind: "broken" }, 0);
      } else {
        if (known && note.number != number) miss();
        number = note.number;
        acknowledge(acknowledged);
        given = taken;
      }
      if (!note.open) {
        if (self.readyState == OPEN) down({ kind: "broken" }, 0);
        unopened();
      } else if (self.readyState == CONNECTING) {
        opened(note);
      }
      if (note.up && !up) {
        up = true;
        emit("up", { resumed: false });
      }
      flush();
    };

    // ---- What this tab sends

    const forget = (until: (one: Own) => boolean): Own[] => {
      const gone: Own[] = [];
      own = own.filter((one) => {
        if (!until(one)) return true;
        gone.push(one);
        size -= one._size;
        return false;
      });
      return gone;
    };

    const acknowledge = (to = 0): void => {
      forget(({ _number }) => _number! <= to);
      end();
    };

    /** Everything that may be missing, oldest first; up to `maybe` it may have arrived. */
    const giveBack = (acknowledged = 0, maybe = Infinity): Undelivered[] => {
      forget(({ _number }) => _number! <= acknowledged);
      numbered = given = 0;
      return forget(() => true).map(({ _data, _number }) => ({ data: _data, uncertain: _number! <= maybe }));
    };

    const lose = (reason: string, acknowledged?: number, maybe?: number): void => {
      unopened();
      emit("reset", { reason, undelivered: giveBack(acknowledged, maybe) });
    };

    /** Messages came while this tab was away. What it sent is not concerned. */
    const miss = (): void => emit("reset", { reason: "hole", undelivered: [] });

    /** One message of this tab cannot be sent. */
    const fail = (one: Own | undefined, reason: string): void => {
      if (!one) return;
      forget((other) => other == one);
      emit("error", { reason, data: one._data });
    };

    /** Gives to the leader what it has not got. */
    const flush = (): void => {
      if (!attached || doubt) return;
      for (const one of own) {
        if (one._data instanceof Blob) return;
        one._number ??= ++numbered;
        if (one._number <= given) continue;
        given = one._number;
        if (leader) leader._take(id, session, given, one._data);
        else post({ kind: "send", session, number: given, data: one._data });
      }
      end();
    };

    // ---- The end

    /** Ends when this tab has nothing left to send, or when it has waited long enough. */
    const end = (): void => {
      if (!ending || self.readyState == CLOSED) return;
      const late = now() >= closeBy;
      // The last one closes the session, after what it has sent.
      if (leader && (closing || alone())) {
        const last = own.at(-1);
        if (!late && last && !(last._number! <= given)) return;
        closing = true;
        return leader._close(...ending);
      }
      if (own[0] && !late) return;
      // Not while a message is told to the listeners: those after it are nobody's yet.
      queueMicrotask(() => {
        if (self.readyState == CLOSED) return;
        const [code, reason] = own[0] ? [1006, ""] : ending!;
        leave(true);
        finish(code, reason, !own[0], giveBack());
      });
    };

    /** Leaves the session to whoever gets the lock; returns it if there is nobody. */
    const cede = (): Estate | undefined => {
      const left = leader?._handOver();
      if (!left) return;
      leader = undefined;
      attached = false;
      post({ kind: "estate", estate: left });
      return alone() ? left : undefined;
    };

    /** Says goodbye. */
    const leave = (final: boolean): Estate | undefined => {
      const left = cede();
      post({ kind: "bye", final });
      detach();
      return left;
    };

    const detach = (): void => {
      channel?.close();
      channel = undefined;
      release();
      cancel(timer);
      attached = doubt = false;
      waiting = [];
      silentAt = Infinity;
    };

    const finish = (code: number, reason: string, wasClean: boolean, undelivered: Undelivered[]): void => {
      self.readyState = CLOSED;
      leader = undefined;
      off.abort();
      detach();
      emit("close", { code, reason, wasClean, undelivered });
    };

    const join = (): void => {
      resting = false;
      channel = new page.BroadcastChannel(name);
      channel.onmessage = hear;
      ask();
      acquire();
      schedule(ASK);
    };

    /** The page sleeps: others may lead. If there are none, this tab goes on where it was when it is back. */
    const rest = (): void => {
      if (resting || closing) return;
      resting = true;
      up = false;
      estate = leave(false);
      emit("down", { reason: { kind: "parked" }, retryIn: Infinity });
    };

    this._leads = () => !!leader;
    this._buffered = () => size;
    this.wake = () => {
      if (leader) leader._wake();
      else post({ kind: "wake" });
    };
    this.send = (data) => {
      const _size: number = (data as any).length ?? (data as any).byteLength ?? (data as any).size;
      if (self.readyState > OPEN) return false;
      while (own[0] && (own.length >= messages || size + _size > bytes)) {
        // Only what no leader has can be taken back.
        const old = drop == "old" && own.find(({ _number }) => !_number);
        if (!old) return false;
        forget((one) => one == old);
      }
      const one: Own = { _data: data, _size };
      size += _size;
      own.push(one);
      const ready = (buffer: ArrayBuffer): void => {
        one._data = new Uint8Array(buffer);
        flush();
      };
      if (data instanceof Blob) {
        data.arrayBuffer().then(ready, () => fail(one, "unreadable"));
      } else {
        // A copy: what an application does to its buffer afterwards is not what it sent.
        if (ArrayBuffer.isView(data)) {
          one._data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
        } else if (typeof data != "string") {
          one._data = new Uint8Array(data.slice(0));
        }
        if (leader) sure();
        flush();
      }
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
      schedule(Math.min(dueAt - now(), closeTimeout));
      end();
    };

    for (const type of ["open", "message", "error", "close", "up", "down", "reset"]) {
      self["on" + type] = null;
      this.addEventListener(type, (event) => self["on" + type]?.(event));
    }
    const { document } = page;
    listen(document, "visibilitychange", () => {
      if (hidden() || leader || resting) return;
      if (!grip) acquire();
      ask();
      post({ kind: "wake" });
    });
    listen(document, "freeze", () => {
      if (closing) return;
      if (leader && alone()) return rest();
      // A frozen tab shall not have the lock. What it is told waits until it thaws.
      cede();
      release();
    });
    listen(document, "resume", () => {
      if (resting) join();
      else if (!grip) acquire();
    });
    listen(page, "pagehide", ({ persisted }) => {
      if (persisted) rest();
      else if (leader && (closing || alone())) leader._part();
      else if (!resting) leave(true);
    });
    listen(page, "pageshow", () => {
      if (resting) join();
    });
    join();
  }
}

/** The tabs of this origin that ask for the same address, subprotocols and subject have one connection. */
export const shared = (source: string | URL, options: SharedOptions = {}): SharedSocket => {
  const { protocols = [], subject, credentials, page = globalThis } = options;
  if (credentials && subject == null) {
    throw TypeError("shared: `credentials` without `subject`; name whose they are, such as the account's id, or tabs of different accounts would share a connection");
  }
  if (!page.navigator?.locks || !page.BroadcastChannel) return Object.assign(connect(source, options), { leading: true });
  const url = new URL(source, page.location?.href).href.replace(/^http/, "ws");
  const name = "keepwire.tabs.1 " + JSON.stringify([url, [protocols].flat(), subject]);
  return new Shared(url, name, page, options) as any;
};
