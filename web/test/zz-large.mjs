import { launch, serve } from "./helpers.mjs";
const [,, model, cls, threads] = process.argv;
const server = await serve("-model", model);
const browser = await launch();
const page = await browser.newPage();
page.on("console", (m) => console.log("console:", m.text()));
await page.goto(server.url + "LICENSE").catch(() => page.goto(server.url));
const r = await page.evaluate(async ([cls, threads]) => {
  const { Sampler } = await import("/dit8/sampler.js");
  let t = performance.now();
  const s = await Sampler.load({ threads: Number(threads) || undefined });
  const loaded = performance.now() - t;
  const out = [];
  for (let i = 0; i < 4; i++) {
    t = performance.now();
    const { sha256, metadata } = await s.generate({ class: cls, seed: 1 });
    out.push([Math.round(performance.now() - t), metadata.ms_per_step, sha256]);
  }
  return { device: s.info?.device, loaded, out };
}, [cls, threads]);
console.log(JSON.stringify(r, null, 1));
await browser.close(); await server.stop();
