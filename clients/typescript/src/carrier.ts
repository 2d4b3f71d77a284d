/**
 * What stands between the socket and its parts: carriers, which move bytes, and layers, which make messages of them.
 * Names that begin with an underscore are between these files, and short in the package.
 */

import type { Range, Refused } from "./session/handshake.js";
import type { Lost } from "./session/reconnect.js";
import type { Undelivered } from "./session/replay.js";

export type { Undelivered };

export type Data = string | ArrayBuffer | ArrayBufferView;

/** An open, or opening, connection. */
export interface Link {
  _send(data: any): void;
  _close(code?: number, reason?: string): void;
  /** Bytes that wait to be sent. */
  _buffered?(): number;
}

export interface Target {
  _url: string;
  _protocols: string[];
  /** LINK, which says whose an HTTP body is. */
  _key: ((poll?: number) => Uint8Array) | undefined;
}

/** What a carrier tells. */
export interface Hands {
  _open(protocol: string): void;
  _data(data: any): void;
  /** It is gone; with which close code, if the other side gave one. */
  _down(code: number, reason: string, clean?: boolean): void;
}

export type Carrier = (target: Target, hands: Hands) => Link;

export interface Layer {
  /** Subprotocols that it offers before the application's. */
  _protocols: string[];
  _open(link: number, protocol: string, credentials?: string): void;
  _data(link: number, data: any): void;
  _down(link: number, code: number, reason: string, clean?: boolean): void;
  /** A link was lost that never carried anything. */
  _failed?(): void;
  /** False: not now. */
  _send(data: Data): boolean;
  _buffered(): number;
  /** Messages that the other side has not acknowledged, and all that somebody else needs to go on. */
  _count?(): number;
  _state?(to?: any[]): any[];
  _close(code: number, reason: string): void;
  /** The end at once; what was not delivered. */
  _abort(): Undelivered[];
  /** The link may be gone; the machine slept for so many milliseconds. */
  _wake(slept: number): void;
  _hide?(hidden: boolean): void;
  _key?(poll?: number): Uint8Array;
  _deadline(): number;
  /** Sends what is to be sent and says what became of it; true: there was something. */
  _turn(now: number): boolean | void;
}

/** What the socket does for its layer and its chooser. */
export interface Host {
  _now(): number;
  _random(): number;
  /** Timers, which browsers want to be called without an object: take them out first. */
  _sleep: (then: () => void, milliseconds: number) => any;
  _cancel: (timer: any) => void;
  _url(): string;
  /** `_by`: when it is given up, unless it is open. */
  _links: Map<number, { _link?: Link; _by: number }>;
  _up(link: number, resumed: boolean, protocol: string, reconnect?: Range): void;
  _proven(link: number): void;
  _message(data: any): void;
  _drop(link: number, code: number | undefined, quietly?: boolean): void;
  _retry(how: Lost, reason?: string): void;
  _emit(type: string, fields?: object): unknown;
  /** Asks the application for credentials. */
  _ask: ((why: "wanted") => string | null | Promise<string | null>) | undefined;
  _closed(code: number, reason: string, clean: boolean, undelivered?: Undelivered[]): void;
  _reset(reason: string, undelivered: Undelivered[]): void;
  /** The server knows nothing of sessions; the link is open already. */
  _plain(link: number, protocol: string): void;
  /** Opens a link beside whatever there is. */
  _connect(carrier?: Carrier, to?: string): unknown;
  _webSocket: Carrier;
  _later(): void;
}

/** Which carrier is tried when. */
export interface Chooser {
  _carrier(): Carrier;
  _began(carrier: Carrier): void;
  _proven(carrier: Carrier): void;
  _failed(carrier: Carrier): void;
  _wake(): void;
  _deadline(): number;
  _turn(now: number): void;
}

export type LayerFactory = (host: Host) => Layer;
export type ChooserFactory = (host: Host) => Chooser;
export type { Refused };
