import { chromium } from "playwright-core"; import { serve } from "./test/helpers.mjs";
const server = await serve(); const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (let i=0;i<3;i++){ const c = await browser.newContext(); const page = await c.newPage(); const t=Date.now(); page.on("console", m=>console.log(Date.now()-t, m.text()));
await page.goto(server.url); await page.waitForFunction(()=>document.getElementById("status").textContent==="Ready."); console.log(await page.evaluate(()=>JSON.stringify(performance.getEntriesByType("navigation").map(n=>[n.responseEnd,n.domInteractive,n.domContentLoadedEventEnd]).concat(performance.getEntriesByType("resource").map(r=>[r.name.slice(-12),r.startTime|0,r.responseEnd|0]))))); console.log("---"); await c.close(); }
await browser.close(); process.exit();
