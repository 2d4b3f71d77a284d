/** Tabs of one browser, their locks and channels, and a gateway: everything that `shared` needs, without time. */

import type { Options } from "../src/index.js";
import { shared } from "../src/tabs.js";
import type { SharedOptions, SharedSocket } from "../src/tabs.js";
import { resume } from "../src/resume.js";
import { FakeClock, FakeNetwork, readFrames, settle, writeFrames } from "../src/testing.js";
import type { FakeSocket, Readable } from "../src/testing.js";
import { FakePage, resumed, text, WELCOME } from "./helpers.js";

interface Request {
  tab: Tab;
  run: () => void;
  reject: (error: Error) => void;
}

/** Web Locks as the standard has them: queues, signals and steals. What becomes of a frozen page waits. */
export class Locks {
  held = new Map<string, Request>();
  queues = new Map<string, Request[]>();
  /** How often one was stolen. */
  stolen = 0;

  of(tab: Tab): object {
    return {
      query: () => new Promise((resolve) => tab.task(() => resolve({ held: [], pending: [] }))),
      request: (name: string, { steal, signal }: any, then: () => unknown) =>
        new Promise((resolve, reject) => {
          const request: Request = {
            tab,
            reject: (error) => tab.task(() => reject(error)),
            run: () =>
              tab.task(async () => {
                const result = await then();
                if (this.held.get(name) == request) this.free(name);
                resolve(result);
              }),
          };
          signal?.addEventListener("abort", () => {
            const queue = this.queues.get(name) ?? [];
            if (!queue.includes(request)) return;
            queue.splice(queue.indexOf(request), 1);
            reject(new DOMException("", "AbortError"));
          });
          if (steal) {
            this.stolen++;
            this.held.get(name)?.reject(new DOMException("", "AbortError"));
            this.held.set(name, request);
            request.run();
          } else {
            this.queues.set(name, [...(this.queues.get(name) ?? []), request]);
            if (!this.held.has(name)) this.free(name);
          }
        }),
    };
  }

  free(name: string): void {
    this.held.delete(name);
    const next = this.queues.get(name)?.shift();
    if (!next) return;
    this.held.set(name, next);
    next.run();
  }

  /** A tab is gone, and with it its locks. */
  gone(tab: Tab): void {
    for (const [name, queue] of this.queues) this.queues.set(name, queue.filter((request) => request.tab != tab));
    for (const [name, request] of this.held) if (request.tab == tab) this.free(name);
  }
}

export class Tab {
  page = new FakePage() as any;
  network = new FakeNetwork();
  log: string[] = [];
  events: any[] = [];
  socket!: SharedSocket;
  frozen = false;
  dead = false;
  #tasks: (() => void)[] = [];

  constructor(
    readonly browser: Browser,
    readonly name: string,
  ) {
    const tab = this;
    const { ports } = browser;
    if (!browser.old) {
      this.page.navigator.locks = browser.locks.of(this);
      this.page.BroadcastChannel = class {
        onmessage: ((event: object) => void) | null = null;
        closed = false;
        constructor(readonly name: string) {
          ports.add(this);
        }
        postMessage(note: unknown): void {
          if (this.closed) throw new DOMException("", "InvalidStateError");
          for (const port of ports) {
            if (port == this || port.name != this.name) continue;
            const data = structuredClone(note);
            const deliver = (): void => port.take(data);
            if (browser.jam) browser.jam.push(deliver);
            else queueMicrotask(deliver);
          }
        }
        take(data: unknown): void {
          tab.task(() => this.closed || this.onmessage?.({ data }));
        }
        close(): void {
          this.closed = true;
          ports.delete(this);
        }
      };
    }
  }

  /** Something that a frozen page does once it thaws, and one that is gone does not. */
  task(then: () => void): void {
    if (this.dead) return;
    // In their order, also while it thaws.
    if (this.frozen || this.#tasks[0]) this.#tasks.push(then);
    else then();
  }

  async thaw(): Promise<void> {
    this.frozen = false;
    for (; this.#tasks[0]; this.#tasks.shift()) {
      this.#tasks[0]();
      await settle();
    }
  }

  /** It crashes. */
  kill(): void {
    this.dead = true;
    for (const socket of this.network.sockets) socket.readyState = 3;
    this.browser.locks.gone(this);
  }

  /** The user closes it. */
  leave(persisted = false): void {
    this.page.tell("pagehide", { persisted });
    if (!persisted) this.kill();
  }

  take(): string {
    return this.log.splice(0).join(", ");
  }
}

export interface Session {
  attempt: number;
  generation: number;
  received: number;
  /** What came, whole messages. */
  got: string[];
  half: string;
  out: Readable[];
  acknowledged: number;
  end?: string;
  link?: FakeSocket | undefined;
}

/** As much of a gateway as sessions need. */
export class Gateway {
  sessions = new Map<string, Session>();
  /** Whether it acknowledges, and answers at all. */
  acknowledges = true;
  mute = false;

  constructor(readonly browser: Browser) {}

  get last(): Session {
    return [...this.sessions.values()].at(-1)!;
  }

  /** The backend says something. */
  say(payload: string, { more = false, binary = false, to = this.last } = {}): void {
    const frame = { kind: "DATA", number: to.out.length + 1, text: !binary, more, payload: Buffer.from(payload) };
    to.out.push(frame);
    if (to.link) this.tell(to.link, frame);
  }

  tell(socket: FakeSocket, ...frames: Readable[]): void {
    const tab = this.browser.tabs.find(({ network }) => network.sockets.includes(socket))!;
    tab.task(() => socket.readyState == 1 && socket.receive(writeFrames(...frames)));
  }

  /** Takes what clients have sent; true: there was something. */
  turn(): boolean {
    let busy = false;
    if (this.mute) return false;
    for (const tab of this.browser.tabs) {
      for (const socket of tab.network.sockets) {
        if (tab.frozen || tab.dead) continue;
        if (socket.readyState == 0) {
          busy = true;
          socket.open(socket.protocols[0]);
        }
        for (const message of socket.sent.splice(0)) {
          busy = true;
          if (typeof message == "string") this.plain.push(message);
          else for (const frame of readFrames(message)) this.take(socket, frame);
        }
        if (socket.readyState == 2) {
          busy = true;
          for (const session of this.sessions.values()) if (session.link == socket) session.link = undefined;
          socket.drop(1000);
        }
      }
    }
    return busy;
  }

  plain: string[] = [];

  take(socket: FakeSocket, frame: Readable): void {
    if (frame.kind == "HELLO") {
      const id = `s-${this.sessions.size + 1}`;
      this.sessions.set(id, {
        attempt: 1, generation: 1, received: 0, got: [], half: "", out: [], acknowledged: 0, link: socket,
      });
      return this.tell(socket, { ...WELCOME, id });
    }
    if (frame.kind == "RESUME") {
      const session = this.sessions.get(frame.id);
      const reason = !session || session.end ? "unknown" : frame.attempt <= session.attempt ? "superseded" : "";
      if (reason) return this.tell(socket, { kind: "REFUSED", reason, class: "new", received: session?.received });
      session!.attempt = frame.attempt;
      const { link } = session!;
      if (link?.readyState == 1) this.browser.tabs.find(({ network }) => network.sockets.includes(link))!.task(() => link.drop(4000));
      session!.link = socket;
      this.tell(
        socket,
        resumed(++session!.generation, session!.received, session!.acknowledged + 1),
        ...session!.out.slice(frame.received),
      );
      return;
    }
    const session = [...this.sessions.values()].find(({ link }) => link == socket);
    if (!session) return;
    const number = frame.number;
    if (frame.kind == "DATA") {
      if (number > session.received + 1) throw Error(`number ${number} after ${session.received}`);
      if (number <= session.received) return;
      session.received = number;
      session.half += text(frame.payload);
      if (!frame.more) session.got.push(session.half);
      if (!frame.more) session.half = "";
      if (this.acknowledges) this.tell(socket, { kind: "ACK", number, credit: 10_000_000 });
    } else if (frame.kind == "CLOSE" || frame.kind == "RESET") {
      session.end = frame.kind == "CLOSE" ? `CLOSE ${frame.code}` : frame.kind;
      if (frame.kind == "CLOSE") this.tell(socket, { kind: "ACK", number, credit: 10_000_000 });
    } else {
      session.acknowledged = Math.max(session.acknowledged, number);
      if (frame.kind == "PING") {
        const last = session.out.length;
        const number = this.acknowledges ? session.received : 0;
        this.tell(socket, { kind: "PONG", nonce: frame.nonce, last, number, credit: 10_000_000, hidden: false });
      }
    }
  }
}

export class Browser {
  clock = new FakeClock();
  locks = new Locks();
  ports = new Set<any>();
  tabs: Tab[] = [];
  gateway = new Gateway(this);
  /** What channels carry, while it is held up. */
  jam: (() => void)[] | undefined;

  /** `old`: it has neither locks nor channels. */
  constructor(readonly old = false) {}

  open(name: string, options: SharedOptions = {}): Tab {
    const tab = new Tab(this, name);
    this.tabs.push(tab);
    const { clock } = this;
    tab.socket = shared("wss://chat.example/ws", {
      protocols: "chat",
      resume: resume(),
      WebSocket: tab.network.WebSocket,
      page: tab.page,
      clock: {
        now: clock.now,
        random: clock.random,
        clearTimeout: clock.clearTimeout,
        setTimeout: (then, milliseconds) => clock.setTimeout(() => tab.task(then), milliseconds),
      },
      ...options,
    } as Options);
    const note = (type: string, say: (event: any) => string): void =>
      tab.socket.addEventListener(type, (event: any) => {
        tab.log.push(say(event));
        tab.events.push(event);
      });
    const lost = (one: any): string => `${typeof one.data == "string" ? one.data : text(one.data)}${one.uncertain ? "?" : ""}`;
    note("open", () => "open");
    note("message", ({ data }) => (typeof data == "string" ? data : data.constructor.name));
    note("error", ({ reason }) => `error ${reason}`);
    note("close", ({ code, wasClean, undelivered }) => `close ${code} ${wasClean} [${undelivered.map(lost)}]`);
    note("up", ({ resumed }) => `up ${resumed}`);
    note("down", ({ reason }) => `down ${reason.kind}`);
    note("reset", ({ reason, undelivered }) => `reset ${reason} [${undelivered.map(lost)}]`);
    return tab;
  }

  /** Time passes, and the gateway answers. */
  async run(milliseconds = 0): Promise<void> {
    const end = this.clock.time + milliseconds;
    for (;;) {
      do await settle();
      while (this.gateway.turn());
      if (this.clock.time >= end) return;
      await this.clock.advance(Math.min(milliseconds > 5000 ? 500 : 50, end - this.clock.time));
    }
  }

  /** Some tabs, with one session. */
  static async with(names: string, options: SharedOptions = {}): Promise<{ browser: Browser; gateway: Gateway; tabs: Tab[] }> {
    const browser = new Browser();
    const tabs = [];
    for (const name of names) {
      tabs.push(browser.open(name, options));
      await browser.run();
    }
    for (const tab of tabs) tab.take();
    return { browser, gateway: browser.gateway, tabs };
  }
}
