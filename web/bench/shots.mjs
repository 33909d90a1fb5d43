// Takes the pictures of the page in docs anew: page.png half way through four foxes,
// page-tools.png with the inspector open, page-phone.png on a dark phone.
import { root } from "../test/helpers.mjs";
import { fill, generate, phone, start, status } from "../test/page.mjs";

const site = await start();

async function withHistory(options) {
  const page = await site.open(options);
  await page.uncheck("#live");
  for (const prompt of ["panda", "rocket", "blue octopus", "red rose", "ghost"]) {
    await fill(page, { prompt });
    await generate(page);
  }
  await page.$eval("#more", (details) => { details.open = false; });
  return page;
}
const shoot = async (page, name) => {
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: `${root}docs/${name}.png` });
};

async function foxes(page, name) {
  await fill(page, { prompt: "happy fox", count: 4, style: "fluent-3d" });
  await fill(page, { steps: 20 });
  await page.$eval("#more", (details) => { details.open = false; });
  await page.evaluate(() => scrollTo(0, 0));
  await page.click("#generate");
  await status(page, "Step 13 ");
  await shoot(page, name);
}

const desktop = { viewport: { width: 1200, height: 880 }, colorScheme: "light" };
await foxes(await withHistory(desktop), "page");
await foxes(await withHistory({ ...phone, deviceScaleFactor: 1.5, colorScheme: "dark" }), "page-phone");

const page = await withHistory(desktop);
await page.click("#inspect");
await page.waitForSelector("#inspect-tool figure:nth-of-type(3)");
await page.evaluate(() => document.getElementById("tool").scrollIntoView({ behavior: "instant" }));
await page.screenshot({ path: `${root}docs/page-tools.png` });

await site.stop();
