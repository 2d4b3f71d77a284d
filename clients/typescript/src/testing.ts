/** A clock that is wound by hand and a network of fake sockets: sessions of minutes in no time, and without a server. */

import type { Clock } from "./index.js";

export { readFrames, writeFrame, writeFrames } from "./session/readable.js";
export type { Readable } from "./session/readable.js";

/** Lets everything happen that waits for promises only. */
export const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 50; turns++) await undefined;
};

export class FakeClock implements Clock {
  time = 1_000_000;
  /** What `random` gives. */
  chance = 0.5;
  #timers = new Map<number, { at: number; then: () => void }>();
  #made = 0;

  now = (): number => this.time;
  random = (): number => this.chance;

  setTimeout = (then: () => void, milliseconds: number): number => {
    this.#timers.set(++this.#made, { at: this.time + milliseconds, then });
    return this.#made;
  };

  clearTimeout = (timer: number): void => {
    this.#timers.delete(timer);
  };

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Time passes, timer by timer. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    await settle();
    for (;;) {
      const [number, next] = [...this.#timers].sort(([, one], [, other]) => one.at - other.at)[0] ?? [];
      if (!next || next.at > end) break;
      this.#timers.delete(number!);
      this.time = Math.max(this.time, next.at);
      next.then();
      await settle();
    }
    this.time = end;
    await settle();
  }

  /** The machine sleeps: time passes, and timers are late. */
  async sleep(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    await this.advance(0);
  }
}

/** One end of a fake WebSocket: what the server does, and what it got. */
export class FakeSocket {
  binaryType = "blob";
  readyState = 0;
  protocol = "";
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
  /** What the client sent, and what the test has not taken yet. */
  sent: any[] = [];
  /** How the client closed it. */
  closed: { code: number | undefined; reason: string | undefined } | undefined;

  constructor(
    readonly url: string,
    readonly protocols: string[] = [],
  ) {}

  send(data: unknown): void {
    if (this.readyState == 1) this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.closed = { code, reason };
  }

  /** The server takes the handshake. */
  open(protocol = this.protocols[0] ?? ""): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.();
  }

  /** The server sends a message. */
  receive(data: string | Uint8Array): void {
    this.onmessage?.({ data: typeof data == "string" ? data : data.slice().buffer });
  }

  /** The connection ends: with a close frame, or cut. */
  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason, wasClean: code != 1006 });
  }
}

/** Gives `WebSocket` to a socket, and the test its other ends. */
export class FakeNetwork {
  sockets: FakeSocket[] = [];
  readonly WebSocket: new (url: string, protocols?: string[]) => FakeSocket;

  constructor() {
    const { sockets } = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  /** The socket that was opened last. */
  get last(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw Error("nobody has connected");
    return last;
  }
}
