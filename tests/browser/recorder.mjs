// Follows event streams with real clients and tells, a line of JSON each, what came: { name, id, data }, { name, opened }
// and { name, closed }. Reads lines of `NAME URL`. With `--browser` the client is a Chromium's own EventSource, else the one
// of the npm package `eventsource`. Ends with its input.

import { createInterface } from 'node:readline';
import { EventSource } from 'eventsource';
import { chromium } from 'playwright-core';
import { EXECUTABLE } from './lib/chromium.mjs';
import { follow } from './lib/follow.mjs';

const tell = (name, what) => process.stdout.write(`${JSON.stringify({ name, ...what })}\n`);

/** A page of the origin that the streams are of, so that nothing but the streams themselves is in question. */
async function inBrowser() {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--ignore-certificate-errors'] });
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.exposeFunction('tell', tell);
  let origin = '';
  return {
    begin: async (name, url) => {
      if (!origin) {
        origin = new URL(url).origin;
        await page.goto(`${origin}/api/v1/status/stream/none`);
        await page.evaluate(`window.follow = ${follow}`);
      }
      await page.evaluate(({ name, url }) => window.follow(EventSource, url, (what) => window.tell(name, what)), { name, url });
    },
    end: () => browser.close(),
  };
}

const clients = process.argv.includes('--browser')
  ? await inBrowser()
  : { begin: (name, url) => follow(EventSource, url, (what) => tell(name, what)), end: () => process.exit(0) };

for await (const line of createInterface({ input: process.stdin })) {
  const [name, url] = line.split(' ');
  await clients.begin(name, url);
}
await clients.end();
