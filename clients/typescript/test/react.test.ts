import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { useKeepwire } from "../src/react.js";

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
