/** HTTP where WebSockets do not pass: the carriers and the choice of protocol/PROTOCOL.md section 14. */

import type { Carrier, ChooserFactory, Hands, Host, Target } from "./carrier.js";
import { address, diagnose } from "./diagnose.js";
import { join } from "./session/frame.js";
import { SUBPROTOCOL } from "./session/handshake.js";

export interface FallbackOptions {
  /** Milliseconds that a carrier has to prove itself before the next one is tried beside it; 3000. */
  patience?: number;
  /** Minutes, more or less, until WebSocket is tried again, the last of them over and over; [1, 5, 15, 30]. */
  probes?: number[];
}

/** Bytes of a post. */
const POST = 262144;
/** Milliseconds for the answer of a post, and of a poll, which the gateway holds for 25 s. */
const ANSWER = 10000;
const POLL = 35000;

/** What both ways over HTTP have in common: posts, one at a time, and an end. */
const http =
  ({ _sleep, _cancel }: Host, run: (first: Uint8Array, way: Way) => Promise<unknown>): Carrier =>
  (target: Target, hands: Hands) => {
    const abort = new AbortController();
    let waiting: Uint8Array[] = [];
    let begun = false;
    let posting = false;
    let over = false;

    const end = (): void => {
      if (over) return;
      over = true;
      abort.abort();
      hands._down(0, "");
    };

    const way: Way = {
      _data: hands._data,
      _isOver: () => over,
      _key: target._key!,
      async _post(path, body, patience) {
        const to = address(target._url, path);
        const from = new URL(target._url);
        to.searchParams.set("to", from.pathname + from.search);
        const protocols = target._protocols.filter((name) => !name.startsWith(SUBPROTOCOL));
        if (protocols[0]) to.searchParams.set("protocol", protocols.join(", "));
        // Text, so that no preflight is asked; what it is of the page's own that is left does not hold it up.
        const timer = _sleep(end, patience);
        const answer = await fetch(to, {
          method: "POST",
          headers: { "content-type": "text/plain" },
          cache: "no-store",
          body: body as BodyInit,
          // What was said last goes out even if nobody listens any more.
          signal: path == "send" ? null : abort.signal,
        }).finally(() => _cancel(timer));
        if (!answer.ok) throw Error("" + answer.status);
        return answer;
      },
    };

    const post = async (): Promise<void> => {
      if (posting) return;
      posting = true;
      try {
        while (waiting[0]) {
          const body = [target._key!()];
          let length = body[0]!.length;
          do length += body[body.push(waiting.shift()!) - 1]!.length;
          while (waiting[0] && length + waiting[0].length < POST);
          await way._post("send", join(body), ANSWER);
        }
      } catch {
        end();
      }
      posting = false;
    };

    queueMicrotask(() => hands._open(SUBPROTOCOL));
    return {
      _send(data: Uint8Array) {
        if (begun) {
          waiting.push(data);
          post();
        } else {
          begun = true;
          run(data, way).then(end, end);
        }
      },
      _close() {
        over = true;
        abort.abort();
      },
    };
  };

interface Way {
  _data(data: any): void;
  _isOver(): boolean;
  _key(poll?: number): Uint8Array;
  _post(path: string, body: Uint8Array, patience: number): Promise<Response>;
}

/** One answer that does not end: an event stream whose data are frames in base64. */
const stream = (host: Host, patience: number): Carrier =>
  http(host, async (first, { _post, _data, _isOver }) => {
    const reader = (await _post("stream", first, patience)).body!.getReader();
    const decoder = new TextDecoder();
    let text = "";
    let data = "";
    // The head may pass where the body is held back.
    const { _sleep, _cancel } = host;
    const timer = _sleep(() => reader.cancel().catch(() => {}), patience);
    for (;;) {
      const { value, done } = await reader.read();
      _cancel(timer);
      if (done || _isOver()) return;
      text += decoder.decode(value, { stream: true });
      const lines = text.split(/\r?\n/);
      text = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith("data:")) data += line.slice(5);
        if (!line && data) {
          _data(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)));
          data = "";
        }
      }
    }
  });

/** One answer after the other. */
const poll = (host: Host): Carrier =>
  http(host, async (first, { _post, _data, _isOver, _key }) => {
    for (let body = first, number = 0; !_isOver(); body = _key(++number)) {
      const answer = await (await _post("poll", body, POLL)).arrayBuffer();
      if (answer.byteLength) _data(answer);
      // What came is handled, and a new token known, before the next one.
      await 0;
    }
  });

export const fallback =
  ({ patience = 3000, probes: waits = [1, 5, 15, 30] }: FallbackOptions = {}): ChooserFactory =>
  (host) => {
    const carriers = [host._webSocket, stream(host, patience), poll(host)];
    /** Which carrier is in use. */
    let level = 0;
    let proven = false;
    /** The one that was proven last, and how often it has failed since. */
    let good = 0;
    let misses = 0;
    let checkAt = Infinity;
    let probeAt = Infinity;
    let probes = 0;
    let asking = false;
    /** Links that were tried before the one in use, or are tried beside it. */
    let aside: number[] = [];

    const numbers = (): number[] => [...host._links.keys()];

    const use = (to: number): void => {
      level = to;
      aside = numbers();
      host._connect(carriers[to]!);
    };

    /** WebSocket does not come. Is it the network, or only WebSocket? */
    const decide = async (): Promise<void> => {
      checkAt = Infinity;
      if (asking) return;
      asking = true;
      const answer = await diagnose(host);
      asking = false;
      if (typeof answer != "object" || !answer.ok || proven || level) return;
      const has = (name: string): boolean => answer.transports?.includes(name) ?? true;
      if (has("stream")) use(1);
      else if (has("poll")) use(2);
    };

    const probe = (): void => {
      const wait = waits[Math.min(probes++, waits.length - 1)]!;
      probeAt = host._now() + wait * 60000 * (0.5 + host._random());
    };

    return {
      _carrier: () => carriers[level]!,
      _began(carrier) {
        // Another one is tried beside it.
        if (carrier != carriers[level]) return;
        proven = false;
        if (!level) checkAt = host._now() + patience;
      },
      _proven(carrier) {
        proven = true;
        checkAt = Infinity;
        level = good = carriers.indexOf(carrier);
        misses = 0;
        if (!level) {
          probes = 0;
          probeAt = Infinity;
        } else if (probeAt == Infinity) {
          probe();
        }
      },
      _failed(carrier) {
        const failed = carriers.indexOf(carrier);
        if (failed != level) return;
        // It has worked: more likely the link is to blame than the carrier.
        if (level && level == good && misses++ < 2) return;
        if (!level) decide();
        else if (level == 1) use(2);
        // Neither this way: begin with the first one again.
        else level = 0;
      },
      _wake() {
        if (level) probeAt = host._now();
      },
      _deadline: () => Math.min(checkAt, probeAt),
      _turn(now) {
        if (now >= checkAt) decide();
        const all = numbers();
        const beside = all.filter((number) => aside.includes(number));
        if (now >= probeAt) {
          probe();
          // Where no link is up, the next try is due soon, and is not to be put off by this one. One at a time: browsers
          // let those wait that come too often.
          if (all[0] && !beside[0]) {
            host._connect(carriers[0]!);
            aside = numbers().slice(-1);
          }
        }
        // The link in use is gone. What has not opened beside it is not waited for.
        if (level && all[0] && all.every((number) => beside.includes(number) && host._links.get(number)!._by < Infinity)) {
          for (const number of all) host._drop(number, undefined, true);
          host._retry("broken");
        }
      },
    };
  };
