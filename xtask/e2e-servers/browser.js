// Opens WebSockets in a real Chromium and writes down what it says: the console's lines, and a HAR made of the
// Network events as DevTools exports it. Options come as one JSON argument:
// {chromium, profile, har, visits: [{page, url, protocols, wait, close, console}]}
const opt = JSON.parse(process.argv[2]);
const { spawn } = require("child_process");
const fs = require("fs");
const WebSocket = require("ws");

const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", `--user-data-dir=${opt.profile}`,
  "about:blank",
];
const browser = spawn(opt.chromium, flags, { stdio: ["ignore", "ignore", "pipe"] });
const address = new Promise((found, failed) => {
  let said = "";
  browser.stderr.on("data", (data) => {
    said += data;
    const line = said.match(/DevTools listening on (ws:\S+)/);
    if (line) found(line[1]);
  });
  browser.on("exit", () => failed(new Error("chromium ended: " + said.slice(-500))));
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const pairs = (headers) => Object.entries(headers || {}).map(([name, value]) => ({ name, value }));

async function main() {
  const link = new WebSocket(await address, { perMessageDeflate: false });
  await new Promise((done) => link.on("open", done));
  let id = 0;
  const waiting = new Map();
  let listener = () => {};
  link.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.id) return waiting.get(message.id)?.(message);
    listener(message);
  });
  const send = (method, params = {}, sessionId) =>
    new Promise((done) => {
      waiting.set(++id, (message) => done(message.result || {}));
      link.send(JSON.stringify({ id, method, params, sessionId }));
    });

  const entries = [];
  for (const visit of opt.visits) {
    const lines = [];
    const open = new Map();
    const { targetId } = await send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    listener = ({ method, params }) => {
      const entry = open.get(params?.requestId);
      if (method === "Log.entryAdded") lines.push(params.entry.text);
      if (method === "Runtime.exceptionThrown") lines.push("Uncaught " + params.exceptionDetails.exception.description.split("\n")[0]);
      if (method === "Network.webSocketCreated") {
        open.set(params.requestId, {
          _initiator: { type: "script" }, _priority: "High", _resourceType: "websocket", cache: {},
          request: { method: "GET", url: params.url, httpVersion: "HTTP/1.1", headers: [], queryString: [], cookies: [], headersSize: -1, bodySize: 0 },
          response: { status: 0, statusText: "", httpVersion: "", headers: [], cookies: [], content: { size: 0, mimeType: "x-unknown" }, redirectURL: "", headersSize: -1, bodySize: -1, _transferSize: 0, _error: null },
          serverIPAddress: "", startedDateTime: new Date().toISOString(), time: 0, timings: {}, _webSocketMessages: [],
        });
        entries.push(open.get(params.requestId));
      }
      if (!entry) return;
      if (method === "Network.webSocketWillSendHandshakeRequest") {
        entry.began = params.timestamp;
        entry.wall = params.wallTime - params.timestamp;
        entry.startedDateTime = new Date(params.wallTime * 1000).toISOString();
        entry.request.headers = pairs(params.request.headers);
      }
      if (method === "Network.webSocketHandshakeResponseReceived") {
        entry.answered = params.timestamp;
        Object.assign(entry.response, { status: params.response.status, statusText: params.response.statusText, httpVersion: "HTTP/1.1", headers: pairs(params.response.headers) });
      }
      const frame = { "Network.webSocketFrameSent": "send", "Network.webSocketFrameReceived": "receive" }[method];
      if (frame) {
        const { opcode, payloadData } = params.response;
        entry._webSocketMessages.push({ type: frame, time: params.timestamp + (entry.wall || 0), opcode, data: payloadData });
      }
      if (method === "Network.webSocketFrameError") {
        // DevTools keeps it among the messages, as its HAR export shows.
        entry._webSocketMessages.push({ type: "error", time: params.timestamp + (entry.wall || 0), opcode: -1, data: params.errorMessage });
      }
      if (method === "Network.webSocketClosed" && entry.began) {
        const wait = ((entry.answered || params.timestamp) - entry.began) * 1000;
        entry.time = (params.timestamp - entry.began) * 1000;
        entry.timings = { blocked: 0, dns: -1, connect: -1, send: 0, wait, receive: entry.time - wait, ssl: -1 };
      }
    };
    for (const domain of ["Network", "Log", "Runtime", "Page"]) await send(`${domain}.enable`, {}, sessionId);
    if (visit.insecure) await send("Security.setIgnoreCertificateErrors", { ignore: true }, sessionId);
    if (visit.page) {
      await send("Page.navigate", { url: visit.page }, sessionId);
      await pause(700);
      if (visit.insecure) await send("Security.setIgnoreCertificateErrors", { ignore: false }, sessionId);
    }
    const protocols = visit.protocols ? `, ${JSON.stringify(visit.protocols)}` : "";
    const then = visit.close ? "; s.close()" : visit.send ? `; s.onopen = () => s.send(${JSON.stringify(visit.send)})` : "";
    const expression = `setTimeout(() => { const s = new WebSocket(${JSON.stringify(visit.url)}${protocols})${then} }, 0)`;
    await send("Runtime.evaluate", { expression }, sessionId);
    await pause(visit.wait || 1500);
    fs.writeFileSync(visit.console, lines.map((line) => line + "\n").join(""));
    await send("Target.closeTarget", { targetId });
  }
  for (const entry of entries) for (const key of ["began", "wall", "answered"]) delete entry[key];
  const creator = { name: "WebInspector", version: "537.36" };
  fs.writeFileSync(opt.har, JSON.stringify({ log: { version: "1.2", creator, pages: [], entries } }, null, 2) + "\n");
}

main()
  .then(() => 0, (error) => (console.error(error), 1))
  .then((code) => { browser.kill("SIGKILL"); process.exit(code); });
