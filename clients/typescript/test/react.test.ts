import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { act, create } from "react-test-renderer";
import { useKeepwire } from "../src/react.js";
import type { UseKeepwire, UseKeepwireOptions } from "../src/react.js";
import { connect } from "../src/index.js";
import { FakeClock, FakeNetwork, settle } from "../src/testing.js";
import { FakePage } from "./helpers.js";

(globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;

/** A component with the hook; what it was drawn with. */
const stage = (given: UseKeepwireOptions = {}) => {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const drawn: UseKeepwire[] = [];
  const Page = ({ url, ...rest }: UseKeepwireOptions & { url: string | null }): null => {
    drawn.push(useKeepwire(url, { WebSocket: network.WebSocket, clock, page: new FakePage(), ...given, ...rest }));
    return null;
  };
  const page = (url: string | null, options: UseKeepwireOptions = {}) => createElement(Page, { url, ...options });
  /** Something happens, and what comes of it is drawn. */
  const happens = (what: () => unknown): Promise<void> =>
    act(async () => {
      await what();
      await settle();
    });
  return { clock, network, page, happens, latest: (): UseKeepwire => drawn.at(-1)! };
};

test("on a server the hook connects to nothing", () => {
  class Never {
    constructor() {
      assert.fail("somebody has connected");
    }
  }
  function Page(): any {
    const { status, send, socket } = useKeepwire("wss://chat.example/ws", { WebSocket: Never });
    assert.equal(socket, undefined);
    assert.equal(send("hello"), false);
    return createElement("p", null, status);
  }
  assert.equal(renderToString(createElement(Page)), "<p>connecting</p>");
});

test("what becomes of the connection is drawn, and messages go to the callback of the latest drawing", async () => {
  const { clock, network, page, happens, latest } = stage();
  const heard: string[] = [];
  const hear = (name: string): UseKeepwireOptions => ({
    onMessage: ({ data }) => heard.push(`${name} ${data}`),
    onOpen: (socket) => heard.push(`${name} open ${socket.url}`),
  });
  let tree: any;
  await happens(() => (tree = create(page("wss://chat.example/ws", hear("first")))));
  assert.equal(latest().status, "connecting");
  await happens(() => network.last.open());
  assert.equal(latest().status, "up");
  assert.equal(latest().send("hello"), true);
  assert.deepEqual(network.last.sent, ["hello"]);
  await happens(() => network.last.receive("one"));
  await happens(() => tree.update(page("wss://chat.example/ws", hear("second"))));
  await happens(() => network.last.receive("two"));
  assert.deepEqual(heard, ["first open wss://chat.example/ws", "first one", "second two"]);
  assert.equal(network.sockets.length, 1);

  await happens(() => network.last.drop(1006));
  assert.deepEqual([latest().status, latest().reason?.code], ["down", 1006]);
  await happens(() => clock.advance(600));
  await happens(() => network.last.open());
  assert.deepEqual([latest().status, latest().reason, network.sockets.length], ["up", undefined, 2]);
  await happens(() => latest().socket!.close());
  await happens(() => network.last.drop(1000));
  assert.equal(latest().status, "closed");
});

test("another address is another socket, no address is none, and one that is not drawn any more is closed", async () => {
  const { network, page, happens, latest } = stage();
  let tree: any;
  await happens(() => (tree = create(page(null))));
  assert.deepEqual([network.sockets.length, latest().socket], [0, undefined]);
  await happens(() => tree.update(page("wss://chat.example/one")));
  await happens(() => network.last.open());
  const one = network.last;
  await happens(() => tree.update(page("wss://chat.example/two")));
  await happens(() => network.last.open());
  assert.equal(one.readyState, 2);
  // What still comes of the old one is not drawn.
  await happens(() => one.drop(1000));
  assert.deepEqual([network.last.url, latest().status], ["wss://chat.example/two", "up"]);
  const two = network.last;
  await happens(() => tree.unmount());
  assert.equal(two.readyState, 2);
  assert.equal(latest().send("nobody"), false);
});

test("in strict mode, which mounts twice, one socket is left", async () => {
  const { network, page, happens, latest } = stage();
  await happens(() => create(createElement(StrictMode, null, page("wss://chat.example/ws"))));
  for (const socket of network.sockets) if (socket.readyState == 0) await happens(() => socket.open());
  assert.equal(network.sockets.filter(({ readyState }) => readyState == 1).length, 1);
  assert.equal(latest().status, "up");
  latest().send("hello");
  assert.deepEqual(network.sockets.flatMap(({ sent }) => sent), ["hello"]);
});

test("the application may connect in its own way, such as with one connection for all tabs", async () => {
  const seen: unknown[] = [];
  const { network, page, happens, latest } = stage({
    protocols: "chat",
    connect: (url, options) => {
      seen.push([url, options.protocols]);
      return connect(url, options);
    },
  });
  await happens(() => create(page("wss://chat.example/ws")));
  await happens(() => network.last.open("chat"));
  assert.deepEqual([seen, latest().status], [[["wss://chat.example/ws", "chat"]], "up"]);
});
