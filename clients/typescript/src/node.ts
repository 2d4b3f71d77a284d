/** For Node: the global WebSocket of 22 and later, or a constructor such as that of `ws`, with headers for each try. */

import { KeepwireSocket } from "./index.js";
import type { Options } from "./index.js";

export * from "./index.js";

export interface NodeOptions extends Options {
  protocols?: string | string[];
  /** Sent with each handshake. */
  headers?: Record<string, string> | (() => Record<string, string>);
}

export const connect = (
  source: string | URL | (() => string | URL | Promise<string | URL>),
  { protocols, headers = {}, WebSocket: Given, ...options }: NodeOptions = {},
): KeepwireSocket => {
  const made = (): Record<string, string> => (typeof headers == "function" ? headers() : headers);
  const Socket = function (url: string, protocols: string[]): unknown {
    // `ws` takes options as its third argument, the global one as its second.
    if (Given) return new Given(url, protocols, { headers: made() });
    return new (globalThis.WebSocket as any)(url, { protocols, headers: made() });
  };
  if (!Given && !globalThis.WebSocket) throw Error("this Node has no WebSocket: give one, such as that of ws");
  return new KeepwireSocket(source, protocols, { ...options, WebSocket: Socket });
};
