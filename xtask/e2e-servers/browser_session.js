// Drives a real Chromium for `cargo xtask e2e browser`. Options come as one JSON argument, {chromium, proxy}; orders
// come as lines of JSON, each answered by a line {ok} or {error}: {open: address}, {call: name, with: value}, and with
// `tab` the same in one of several tabs, and {close: tab}, as a user does it.
const opt = JSON.parse(process.argv[2]);
const readline = require("readline");
const { chromium } = require("playwright-core");

async function main() {
  const args = ["--no-sandbox", "--enable-precise-memory-info"];
  // Browsers do not ask a proxy for what is on their own machine, unless told so.
  if (opt.proxy) args.push(`--proxy-server=${opt.proxy}`, "--proxy-bypass-list=<-loopback>");
  const browser = await chromium.launch({ executablePath: opt.chromium, args });
  let tabs = [];

  const open = async (address, tab = 0) => {
    if (!tab) {
      await tabs[0]?.context().close();
      tabs = [];
    }
    const context = tab ? tabs[0].context() : await browser.newContext();
    const page = (tabs[tab] = await context.newPage());
    page.on("pageerror", (error) => console.error("page:", error));
    page.on("console", (message) => console.error("console:", message.text()));
    // What cuts the session cuts the page, too.
    for (let tries = 0; ; tries += 1) {
      try {
        await page.goto(address, { timeout: 5000 });
        await page.waitForFunction(() => window.keepwire, null, { timeout: 3000 });
        return true;
      } catch (error) {
        if (tries == 20) throw error;
      }
    }
  };

  const obey = async (order) => {
    if (order.open) return open(order.open, order.tab);
    if (order.close != null) {
      const page = tabs[order.close];
      const closed = page.waitForEvent("close");
      await page.close({ runBeforeUnload: true });
      return void (await closed);
    }
    return tabs[order.tab ?? 0].evaluate(([name, value]) => window.keepwire[name](value), [order.call, order.with]);
  };

  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = { ok: (await obey(JSON.parse(line))) ?? null };
    } catch (error) {
      answer = { error: String(error.message ?? error).split("\n")[0] };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
