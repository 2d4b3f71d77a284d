/** Sessions of keepwire.v1: every message once and in order, through any number of broken links. */

import type { Data, Host, Layer, LayerFactory } from "./carrier.js";
import { diagnose } from "./diagnose.js";
import { join, toBytes } from "./session/frame.js";
import { SUBPROTOCOL } from "./session/handshake.js";
import { createSession, FULL, TOO_LARGE } from "./session/session.js";
import type { Settings, Takers } from "./session/session.js";

export interface ResumeOptions extends Settings {
  /**
   * `keepwire`: there is a gateway. `auto`: if there turns out to be none, the connection only comes back. `plain`: as if
   * `resume` were not there.
   */
  mode?: "keepwire" | "auto" | "plain";
}

/** Servers that are known to be plain ones, for the life of the page. */
const plain = new Set<string>();

/** A copy: what an application does to its buffer afterwards is not what it sent. */
const bytesOf = (data: Data): Uint8Array =>
  typeof data == "string"
    ? toBytes(data)
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
      : new Uint8Array(data.slice(0));

export const resume =
  ({ mode, ...settings }: ResumeOptions = {}): LayerFactory =>
  (host: Host): Layer => {
    const auto = mode == "auto";
    const session = createSession(settings);
    /** When the gateway wants the client elsewhere, and where. */
    let moveAt = Infinity;
    let moveTo: string | undefined;
    const origin = (): string => new URL(host._url()).host;

    const send = (): void => {
      for (const [number, { _link }] of host._links) {
        let out;
        while (_link && (out = session._transmit(host._now(), number, 65536))[0]) _link._send(join(out));
      }
    };

    const takers: Takers = [
      (link, resumed, range) => host._up(link, resumed, session._protocol(), range),
      host._proven,
      (data, number) => {
        host._message(typeof data == "string" ? data : data.buffer);
        session._handled(host._now(), number);
      },
      (link, code) => host._drop(link, code, session._hasEnded() || code == 4003),
      (refused) => host._retry(refused),
      ({ min, max, url }) => {
        moveAt = host._now() + min + (max - min) * host._random();
        // Nobody is sent from a safe address to another kind of one.
        moveTo = url?.startsWith(host._url().split(":")[0] + ":") ? url : undefined;
      },
      async () => {
        try {
          const secret = await host._ask?.("wanted");
          if (secret != null) session._authenticate(secret);
          host._later();
        } catch {
          // The gateway refuses in its own time, and then they are asked for again.
        }
      },
      ([code, reason], undelivered) => {
        // The acknowledgement of a CLOSE goes out before the links are closed.
        send();
        host._closed(code, reason, code != 1006, undelivered);
      },
      host._reset,
    ];

    const becomePlain = (link = 0, protocol = ""): void => {
      plain.add(origin());
      host._plain(link, protocol);
    };

    if (mode == "plain" || (auto && host._url() && plain.has(origin()))) queueMicrotask(() => host._plain(0, ""));
    return {
      // The second one says that no backend has to be dialled.
      get _protocols() {
        return session._known() ? [SUBPROTOCOL, SUBPROTOCOL + ".resume"] : [SUBPROTOCOL];
      },
      _open(link, protocol, credentials) {
        if (protocol == SUBPROTOCOL) session._linkUp(host._now(), link, credentials);
        else if (auto) becomePlain(link, protocol);
        else host._drop(link, 4001);
      },
      _data: (link, data) => session._receive(host._now(), link, typeof data == "string" ? toBytes(data) : new Uint8Array(data)),
      _down: session._linkDown,
      async _failed() {
        if (auto && !session._protocol() && (await diagnose(host)) == 404) becomePlain();
      },
      _send(data) {
        const sent = session._send(typeof data == "string", bytesOf(data));
        if (sent == TOO_LARGE) host._emit("error", { reason: "too large", data });
        return sent != FULL;
      },
      _buffered: session._unacknowledged,
      _count: session._count,
      _state: session._state,
      _close: session._close,
      _abort() {
        session._abort("shutdown");
        send();
        return session._events.splice(0).flatMap(([kind, , undelivered]) => (kind > 6 ? undelivered : []));
      },
      _wake: () => session._wake(host._now()),
      _hide: session._hide,
      _key: session._key,
      _deadline: () => Math.min(session._deadline(), moveAt),
      _turn(now) {
        if (now >= moveAt) {
          moveAt = Infinity;
          host._connect(undefined, moveTo);
        }
        session._timeout(now);
        send();
        const events = session._events.splice(0);
        for (const [kind, ...event] of events) (takers[kind] as any)(...event);
        return !!events[0];
      },
    };
  };
