/** A hook. Messages go to a callback, so that nothing is drawn anew for each of them. */

import { useEffect, useRef, useState } from "react";
import { connect as connectAlone } from "./index.js";
import type { DownReason, KeepwireEvents, KeepwireSocket, Options } from "./index.js";

export type Status = "connecting" | "up" | "down" | "closed";

export interface UseKeepwireOptions extends Options {
  protocols?: string | string[];
  /** How to connect, such as with `shared` of `@keepwire/client/tabs`. */
  connect?: (url: string, options: Options & { protocols?: string | string[] }) => KeepwireSocket;
  onMessage?: (event: KeepwireEvents["message"]) => void;
  /** There is a new connection to the server: subscribe here. */
  onOpen?: (socket: KeepwireSocket) => void;
  /** Something may be missing: load anew. */
  onReset?: (event: KeepwireEvents["reset"]) => void;
}

export interface UseKeepwire {
  status: Status;
  /** Why it is down. */
  reason: DownReason | undefined;
  socket: KeepwireSocket | undefined;
  /** False: not taken. */
  send: KeepwireSocket["send"];
}

/** A socket for as long as the component lives; another one where the address changes; none without an address. */
export function useKeepwire(url: string | null | undefined, options: UseKeepwireOptions = {}): UseKeepwire {
  const [state, setState] = useState<{ status: Status; reason?: DownReason }>({ status: "connecting" });
  const [socket, setSocket] = useState<KeepwireSocket>();
  const current = useRef<KeepwireSocket>(undefined);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    if (!url) return;
    const { connect = connectAlone, ...rest } = latest.current;
    const socket = connect(url, rest);
    current.current = socket;
    setSocket(socket);
    setState({ status: "connecting" });
    socket.addEventListener("open", () => latest.current.onOpen?.(socket));
    socket.addEventListener("message", (event) => latest.current.onMessage?.(event));
    socket.addEventListener("reset", (event) => latest.current.onReset?.(event));
    const live = (status: Status, reason?: DownReason): void => {
      if (current.current == socket) setState(reason ? { status, reason } : { status });
    };
    socket.addEventListener("up", () => live("up"));
    socket.addEventListener("down", ({ reason }) => live("down", reason));
    socket.addEventListener("close", () => live("closed"));
    return () => {
      current.current = undefined;
      socket.close();
    };
  }, [url]);
  const send = useRef<KeepwireSocket["send"]>((data) => current.current?.send(data) ?? false);
  return { ...state, reason: state.reason, socket, send: send.current };
}
