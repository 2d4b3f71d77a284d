import { KeepwireSocket } from "../src/index.js";
import type { Options } from "../src/index.js";
import { FakeClock, FakeNetwork, readFrames, settle, writeFrames } from "../src/testing.js";
import type { FakeSocket, Readable } from "../src/testing.js";

export const WELCOME = {
  kind: "WELCOME",
  id: "s-1",
  token: "t-1",
  epoch: "e-1",
  generation: 1,
  protocol: "chat",
  credit: 262144,
  message_limit: 1048576,
  heartbeat: { interval: 25000, grace: 10000, hidden_grace: 45000 },
  resume_window: 120000,
  reconnect: { min: 250, max: 20000 },
};

export const resumed = (generation: number, received: number, held: number): Readable => ({
  kind: "RESUMED",
  token: `t-${generation}`,
  generation,
  received,
  held,
  credit: 262144,
});

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
export const data = (number: number, payload: string): Readable => ({
  kind: "DATA",
  number,
  text: true,
  payload: Buffer.from(payload),
});

/** A window with a document, whose events the test makes. */
export class FakePage extends EventTarget {
  location = { href: "https://app.example/page" };
  document = Object.assign(new EventTarget(), { hidden: false });
  navigator = { connection: new EventTarget() };

  tell(type: string, fields: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }

  show(visible: boolean): void {
    this.document.hidden = !visible;
    this.document.dispatchEvent(new Event("visibilitychange"));
  }
}

export interface Setting {
  socket: KeepwireSocket;
  clock: FakeClock;
  network: FakeNetwork;
  page: FakePage;
  /** What happened, in short. */
  log: string[];
  events: any[];
}

export function make(
  options: Options = {},
  source: ConstructorParameters<typeof KeepwireSocket>[0] = "wss://chat.example/ws",
  protocols: string | string[] = "chat",
): Setting {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const page = new FakePage();
  const socket = new KeepwireSocket(source, protocols, { WebSocket: network.WebSocket, clock, page, ...options });
  const log: string[] = [];
  const events: any[] = [];
  const note = (type: string, say: (event: any) => string): void =>
    socket.addEventListener(type, (event: any) => {
      log.push(say(event));
      events.push(event);
    });
  note("open", () => "open");
  note("message", ({ data }) => `message ${data}`);
  note("error", ({ reason }) => `error ${reason}`);
  note("close", ({ code, wasClean, undelivered }) => `close ${code} ${wasClean} ${undelivered.length}`);
  note("up", ({ resumed }) => `up ${resumed}`);
  note("down", ({ reason, retryIn }) => `down ${reason.kind} ${retryIn}`);
  note("reset", ({ reason, undelivered }) => `reset ${reason} ${undelivered.map((one: any) => one.data)}`);
  return { socket, clock, network, page, log, events };
}

/** The frames that a link has got since the last time. */
export const got = (socket: FakeSocket): Readable[] => socket.sent.splice(0).flatMap((bytes) => readFrames(bytes));
export const kinds = (socket: FakeSocket): string => got(socket).map(({ kind }) => kind).join(" ");

export async function tell(socket: FakeSocket, ...frames: Readable[]): Promise<void> {
  socket.receive(writeFrames(...frames));
  await settle();
}

/** A session that has begun on the first link. */
export async function begun(options: Options): Promise<Setting & { link: FakeSocket }> {
  const setting = make(options);
  await settle();
  const link = setting.network.last;
  link.open("keepwire.v1");
  await settle();
  await tell(link, WELCOME);
  link.sent.splice(0);
  setting.log.splice(0);
  return { ...setting, link };
}
