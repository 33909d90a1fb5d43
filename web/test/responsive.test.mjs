// The page answers while it samples: no task of its main thread takes more than 50 ms,
// beyond which a press of a key is felt to wait.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { classModel } from "./helpers.mjs";
import { fill, generate, phone, start } from "./page.mjs";

const longest = 50; // ms
let site;
before(async () => { site = await start("-model", classModel); });
after(() => site?.stop());

// tasks gives the ms that each task of the page's main thread computed while something
// was done. Time in which it waited for a core of a busy machine is not the page's.
async function tasks(page, action) {
  await site.browser.startTracing(page, { categories: ["__metadata", "toplevel"] });
  await action();
  const { traceEvents } = JSON.parse(await site.browser.stopTracing());
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const main = new Set(traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(thread));
  const times = traceEvents.filter((event) => event.ph === "X" && event.name.endsWith("RunTask") && main.has(thread(event))).map(({ tdur }) => tdur / 1000);
  assert.ok(times.length > 20, `${times.length} tasks were seen`);
  return times.sort((a, b) => b - a);
}

for (const [size, options] of [["desktop", {}], ["phone", { ...phone, deviceScaleFactor: 3, isMobile: true }]]) {
  for (const [what, request] of [["one image", { steps: 100, count: 1 }], ["a grid of sixteen", { steps: 20, count: 16 }]]) {
    test(`${what}: ${size}`, async (t) => {
      const page = await site.open(options);
      await generate(page); // what is compiled and loaded once is
      await fill(page, request);
      const [most] = await tasks(page, () => generate(page));
      t.diagnostic(`the longest task took ${most.toFixed(1)} ms`);
      assert.ok(most <= longest, `a task took ${most} ms`);
      await page.close();
    });
  }
}

test("beside the inspector, and from an edit", async (t) => {
  const page = await site.open();
  await generate(page);
  const [most] = await tasks(page, async () => {
    await page.click("#inspect");
    await page.waitForSelector("#inspect-tool figure:nth-of-type(3)");
    await generate(page);
    await page.click("#edit");
    await page.waitForSelector("#edit-tool canvas");
    await generate(page);
  });
  t.diagnostic(`the longest task took ${most.toFixed(1)} ms`);
  assert.ok(most <= longest, `a task took ${most} ms`);
  await page.close();
});

test("a task that is too long is seen", async () => {
  const page = await site.open();
  const [most] = await tasks(page, async () => {
    await generate(page); // by its end the browser traces for sure
    await page.evaluate(() => { let x = 0; for (let i = 0; i < 4e8; i++) x = (x + i) | 0; return x; }); // some 200 ms of work, however busy the machine is
    await generate(page);
  });
  assert.ok(most > longest, `the longest was ${most} ms`);
  await page.close();
});
