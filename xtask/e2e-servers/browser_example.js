// The chat of examples/chat in a real Chromium, for `cargo xtask e2e browser example`: one page says lines through a
// relay that cuts, another one hears them on a link that holds, and both have to look the same. Options come as one
// JSON argument: {chromium, cut, whole (addresses), lines, pictures (folder)}; the last line of output is JSON.
const opt = JSON.parse(process.argv[2]);
const path = require("path");
const { chromium } = require("playwright-core");

const settled = (page, lines) =>
  page.waitForFunction((lines) => document.querySelectorAll("#log li").length >= lines, lines, { timeout: 90000 });

/** Pixels of two pictures that differ by more than the shade of a rounded corner; all of them if the sizes differ. */
const different = (page, pictures) =>
  page.evaluate(async (pictures) => {
    const [one, other] = await Promise.all(
      pictures.map(async (text) => {
        const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${text}`)).blob());
        const canvas = new OffscreenCanvas(image.width, image.height);
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.getContext("2d").getImageData(0, 0, image.width, image.height);
      }),
    );
    if (one.width != other.width || one.height != other.height) return one.width * one.height;
    let count = 0;
    for (let at = 0; at < one.data.length; at += 4) {
      if ([0, 1, 2].some((colour) => Math.abs(one.data[at + colour] - other.data[at + colour]) > 16)) count += 1;
    }
    return count;
  }, pictures.map((picture) => picture.toString("base64")));

async function main() {
  const browser = await chromium.launch({ executablePath: opt.chromium, args: ["--no-sandbox"] });
  const open = async (address) => {
    const page = await (await browser.newContext({ viewport: { width: 640, height: 480 }, colorScheme: "light" })).newPage();
    // What cuts the session cuts the page, too.
    for (let tries = 0; ; tries += 1) {
      try {
        await page.goto(address, { timeout: 5000 });
        await page.waitForFunction(() => document.querySelector("#facts").textContent, null, { timeout: 5000 });
        return page;
      } catch (error) {
        if (tries == 20) throw error;
      }
    }
  };
  const whole = await open(opt.whole);
  const cut = await open(`${opt.cut}?count=${opt.lines}`);
  await settled(cut, opt.lines);
  await settled(whole, opt.lines);
  // Nothing more may come.
  await cut.waitForTimeout(1000);
  const texts = (page) => page.$$eval("#log li", (items) => items.map((item) => item.textContent.replace(/^.*: /, "")));
  const shot = (page, name) => page.locator("#log").screenshot({ path: path.join(opt.pictures, name), animations: "disabled" });
  await cut.screenshot({ path: path.join(opt.pictures, "page.png") });
  const pictures = [await shot(cut, "cut.png"), await shot(whole, "whole.png")];
  // The same list one line further up has to be seen as different, or this comparison sees nothing.
  await whole.evaluate(() => document.querySelector("#log").scrollBy(0, -12));
  const moved = await shot(whole, "moved.png");
  console.log(
    JSON.stringify({
      cut: await texts(cut),
      whole: await texts(whole),
      facts: await cut.textContent("#facts"),
      different: await different(whole, pictures),
      moved: await different(whole, [pictures[0], moved]),
    }),
  );
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
