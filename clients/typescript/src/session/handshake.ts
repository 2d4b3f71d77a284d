/** The JSON bodies of protocol/PROTOCOL.md section 3. Times are whole milliseconds. */

export const SUBPROTOCOL = "keepwire.v1";

export interface Range {
  min: number;
  max: number;
}

export interface Hello {
  version: number;
  credit: number;
  credentials?: string;
  agent?: string;
}

export interface Welcome {
  id: string;
  token: string;
  epoch: string;
  generation: number;
  protocol?: string;
  credit: number;
  message_limit: number;
  heartbeat: { interval: number; grace: number; hidden_grace: number };
  resume_window: number;
  reconnect: Range;
  urls?: string[];
  expires?: number;
}

export interface Resume {
  id: string;
  token: string;
  epoch: string;
  attempt: number;
  received: number;
  held: number;
  credit: number;
  credentials?: string;
}

export interface Resumed {
  token: string;
  generation: number;
  received: number;
  held: number;
  credit: number;
  expires?: number;
}

export type Class = "never" | "auth" | "new" | "later" | "now";

export interface Refused {
  reason: string;
  class: Class;
  min?: number;
  max?: number;
  received?: number;
  status?: number;
}

export interface Auth {
  credentials?: string;
}

export interface Authenticated {
  expires?: number;
}

export interface GoAway {
  reason: string;
  min: number;
  max: number;
  url?: string;
}

export interface Reset {
  reason: string;
  received: number;
}

export interface LinkKey {
  id: string;
  token: string;
  generation: number;
  poll?: number;
}

/** What the engine needs of a body, and cannot go on without: texts, then numbers. */
const NEEDS: Record<number, string> = {
  2: "id token epoch,generation credit message_limit",
  4: "token,generation received held credit",
  5: "reason class",
  12: "reason,min max",
  14: "reason,received",
};

export const fits = (kind: number, body: any): boolean =>
  !NEEDS[kind] ||
  NEEDS[kind].split(",").every((names, numbers) =>
    names.split(" ").every((name) => (numbers ? body[name] >= 0 : "" + body[name] === body[name])),
  );
