// The page of `cargo xtask e2e browser`: a session with whatever served the page, and a report about it.
import { connect, fallback, resume, shared } from "./keepwire.js";

/** What carried the bytes that came last: the client does not say, so the page listens at what it uses. */
let carrier = "";

const NativeSocket = window.WebSocket;
class ObservedSocket extends NativeSocket {
  constructor(...what) {
    super(...what);
    // Before the client's own listener, which is set later.
    this.addEventListener("message", () => (carrier = "websocket"));
  }
}

const nativeFetch = window.fetch;
window.fetch = async (to, init) => {
  const answer = await nativeFetch(to, init);
  const path = new URL(to, location.href).pathname;
  if (path.endsWith("/poll")) {
    const whole = answer.arrayBuffer.bind(answer);
    answer.arrayBuffer = async () => {
      const bytes = await whole();
      if (bytes.byteLength) carrier = "poll";
      return bytes;
    };
  }
  if (path.endsWith("/stream") && answer.body) {
    const native = answer.body.getReader.bind(answer.body);
    answer.body.getReader = () => {
      const reader = native();
      return {
        cancel: (why) => reader.cancel(why),
        read: async () => {
          const read = await reader.read();
          if (read.value) carrier = "stream";
          return read;
        },
      };
    };
  }
  return answer;
};

let socket;
let state;

const open = ({ alone, patience, probes }) => {
  state = {
    received: 0, lost: 0, doubled: 0, reordered: 0, resumes: 0, downs: 0,
    ups: { websocket: 0, stream: 0, poll: 0 }, carrier: "", first: 0, lastDown: 0, problem: "",
  };
  const began = performance.now();
  socket = connect(`ws://${location.host}/`, {
    resume: resume(),
    fallback: alone ? undefined : fallback({ patience, probes }),
    WebSocket: ObservedSocket,
  });
  socket.onup = ({ resumed }) => {
    state.ups[carrier] += 1;
    state.resumes += resumed ? 1 : 0;
  };
  socket.ondown = () => {
    state.downs += 1;
    state.lastDown = performance.now();
  };
  socket.onreset = ({ reason }) => (state.problem ||= `reset: ${reason}`);
  socket.onclose = ({ code, reason }) => (state.problem ||= `closed: ${code} ${reason}`);
  socket.onmessage = ({ data }) => {
    state.carrier = carrier;
    state.first ||= performance.now() - began;
    state.last = performance.now();
    state.take(data);
  };
};

/** Sends so many numbered messages and counts what comes back. */
const flood = ({ messages, ...options }) => {
  open(options);
  const seen = new Uint8Array(messages);
  let next = 0;
  let latest = -1;
  const fill = () => {
    while (next < messages && socket.send(String(next).padStart(8, "0") + " " + "x".repeat(next % 48))) next += 1;
  };
  state.missing = () => seen.reduce((sum, times) => sum + (times ? 0 : 1), 0);
  state.take = (data) => {
    const number = Number(data.slice(0, 8));
    if (!(number < next) || data.length != 9 + (number % 48)) state.problem ||= "a message that nobody sent";
    if (seen[number]) state.doubled += 1;
    if (number < latest) state.reordered += 1;
    seen[number] = 1;
    latest = number;
    state.received += 1;
    fill();
  };
  fill();
};

/** Sends a message now and then, so that it shows which carrier is in use. */
const chat = (options) => {
  open(options);
  state.take = () => (state.received += 1);
  setInterval(() => socket.send(`it is ${performance.now()}`), 100);
};

/**
 * One socket for all tabs: sends numbered messages all the time, and counts what comes back of every tab. Of its own it
 * keeps those that have not come back.
 */
const share = ({ name }) => {
  const next = new Map();
  const own = new Set();
  let sent = 0;
  let timer;
  let since = performance.now();
  state = { received: 0, lost: 0, doubled: 0, resets: 0, returned: 0, gap: 0, problem: "" };
  socket = shared(`ws://${location.host}/`, { resume: resume() });
  // After a reset some may be missing, and none comes twice.
  const jumped = new Set();
  socket.onreset = ({ undelivered }) => {
    state.resets += 1;
    for (const sender of next.keys()) jumped.add(sender);
    // What was not given back has arrived, and the answer to it may be what is missing.
    own.clear();
    state.returned += undelivered.length;
  };
  socket.onclose = ({ code, reason }) => (state.problem ||= `closed: ${code} ${reason}`);
  socket.onmessage = ({ data }) => {
    const [sender, text] = data.split(" ");
    const number = Number(text);
    const expected = next.get(sender) ?? number;
    if (number < expected) state.doubled += 1;
    else if (!jumped.delete(sender)) state.lost += number - expected;
    next.set(sender, Math.max(number + 1, expected));
    own.delete(data);
    state.received += 1;
    state.gap = Math.max(state.gap, performance.now() - since);
    since = performance.now();
  };
  state.look = () => ({ leading: socket.leading, sent, missing: own.size });
  /** The longest silence is counted from here on. */
  state.mark = () => {
    since = performance.now();
    state.gap = 0;
  };
  state.stop = () => clearInterval(timer);
  timer = setInterval(() => {
    const message = `${name} ${sent}`;
    if (!socket.send(message)) return;
    own.add(message);
    sent += 1;
  }, 5);
};

/** What the gateway counts. */
const metrics = async () => {
  const text = await (await fetch("/metrics")).text();
  return Object.fromEntries([...text.matchAll(/^keepwire_(\w+) (\d+)$/gm)].map(([, name, count]) => [name, Number(count)]));
};

const mark = () => state.mark();
const stop = () => state.stop();

/** Nothing else happens on this page for so many milliseconds. */
const hang = (milliseconds) => {
  setTimeout(() => {
    for (const began = performance.now(); performance.now() - began < milliseconds; );
  });
};

/** Something woke the machine up, or nothing did; after how many milliseconds the client has found the link dead. */
const wake = async (event) => {
  const [began, downs, ups] = [performance.now(), state.downs, state.resumes];
  // Browsers tell of both kinds in this way.
  if (event == "visibilitychange") document.dispatchEvent(new Event(event));
  else if (event) window.dispatchEvent(new Event(event));
  const until = async (condition) => {
    while (!condition() && performance.now() - began < 45000) await new Promise((done) => setTimeout(done, 5));
    return performance.now() - began;
  };
  const found = await until(() => state.downs > downs || state.resumes > ups);
  const back = await until(() => state.resumes > ups && state.last > began);
  return { found, back };
};

const report = () => {
  const { take, missing, look, mark, stop, ...rest } = state;
  return { ...rest, heap: performance.memory.usedJSHeapSize, ...(missing && { lost: missing() }), ...look?.() };
};

window.keepwire = { flood, chat, share, metrics, mark, stop, hang, wake, report };
