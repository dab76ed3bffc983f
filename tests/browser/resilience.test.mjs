// What a page goes through besides a healthy network: sleep, no stream at all, no network, a service that restarts; and what it
// does for whoever looks elsewhere, or on a slow machine. BASE_URL names the product, whose models come from the simulator.
// The product is restarted by whoever started it, when the file that RESTART names appears; it is removed when that is done.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { checkAccess } from './lib/access.mjs';
import { LIMIT, inTwoLooks, shoot, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';
import { layWire } from './lib/wire.mjs';

let picture;
const on = stage(async ({ browser }) => {
  picture = await makePicture(browser, 480, 360, 80);
});

const file = (name) => ({ name, mimeType: 'image/jpeg', buffer: picture });

/** Uploads, and waits until the job is being followed; answers its id. */
async function begin(page, names, link = 'Live') {
  await page.goto('/');
  await page.setInputFiles('#pictures', names.map(file));
  await page.getByRole('button', { name: /^Make \d+ models?$/ }).click();
  await page.waitForURL(/\/processing\?job=/);
  if (link) await page.getByText(link, { exact: true }).waitFor();
  return new URL(page.url()).searchParams.get('job');
}

/** Waits for the job's end without any page. */
async function ended(job) {
  for (;;) {
    const { status } = await (await fetch(`${on.baseUrl}/api/v1/status/${job}?wait=5`)).json();
    if (!['pending', 'processing'].includes(status)) return status;
  }
}

test('a page that slept through the end of its job knows it when it wakes', LIMIT, () =>
  on.visit({ flat: true, expected: [/ERR_|Failed to load resource/] }, async ({ page, context }) => {
    const job = await begin(page, ['asleep.jpg', 'also.jpg']);
    const devtools = await context.newCDPSession(page);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    assert.equal(await ended(job), 'completed');
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
    assert.equal(await page.locator('.model').count(), 2);
    assert.equal(await page.locator('.row').count(), 0);
  }));

test('where no stream comes through the page asks with ?wait= and misses nothing', LIMIT, () =>
  on.visit({ flat: true, expected: [/ERR_FAILED|Failed to load resource/] }, async ({ page, context }) => {
    await context.route('**/status/stream/**', (route) => route.abort());
    const waits = [];
    page.on('request', (request) => request.url().includes('wait=') && waits.push(request.headers()['if-none-match']));
    await begin(page, ['sim-slow-polled.jpg'], null);
    await page.locator('.link-state[data-link=polling]').waitFor();
    const [asked] = await Promise.all([
      page.waitForRequest((request) => request.url().includes('wait=')),
      wait(0),
    ]);
    assert.match(asked.url(), /\/status\/[0-9a-f]{32}\?wait=\d+$/);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByRole('heading', { name: 'This job was cancelled' }).waitFor();
    assert.ok(waits.every((tag) => /^"/.test(tag ?? '')), 'each question names what the page has');
  }));

test('whoever asked for it is notified at the end, but only while they look elsewhere', LIMIT, () =>
  on.visit({ flat: true }, async ({ page, context }) => {
    await context.grantPermissions(['notifications'], { origin: on.baseUrl });
    await page.addInitScript(() => {
      globalThis.shown = [];
      const Real = Notification;
      globalThis.Notification = class extends Real {
        constructor(title, options) {
          super(title, options);
          globalThis.shown.push(title);
        }
      };
    });
    const job = await begin(page, ['notified.jpg']);
    await page.getByRole('button', { name: 'Notify me when done' }).click();
    await page.getByRole('button', { name: 'You will be notified', pressed: true }).waitFor();
    // What a browser says of a tab behind another one.
    await page.evaluate(() => Object.defineProperty(document, 'hidden', { get: () => true }));
    await ended(job);
    await page.waitForFunction(() => globalThis.shown.length > 0);
    assert.deepEqual(await page.evaluate(() => globalThis.shown), ['Your model is ready']);
  }));

test('one picture of several is cancelled, and then the whole job deleted', LIMIT, () =>
  on.visit({ flat: true }, async ({ page }) => {
    const job = await begin(page, ['kept.jpg', 'sim-slow-stopped.jpg']);
    await page.getByRole('button', { name: 'Cancel sim-slow-stopped.jpg' }).click();
    await page.getByRole('dialog', { name: 'Cancel sim-slow-stopped.jpg?' }).getByRole('button', { name: 'Cancel it' }).click();
    await page.getByRole('heading', { name: '1 of 2 models are ready' }).waitFor();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Its photographs and 1 model are removed').waitFor();
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.waitForURL(/\/results$/);
    assert.equal((await fetch(`${on.baseUrl}/api/v1/status/${job}`)).status, 404);
  }));

test('options of the model’s own schema are drawn, sent and kept with the job', LIMIT, () =>
  on.visit({ path: '/', flat: true }, async ({ page }) => {
    await page.setInputFiles('#pictures', [file('options.jpg')]);
    await page.getByText('More options').click();
    await page.getByRole('radio', { name: 'Align image' }).check();
    await page.getByLabel('Seed', { exact: true }).fill('-1');
    await page.getByRole('button', { name: 'Make 1 model' }).click();
    await page.getByText('Give a whole number from 0 to 2147483647.').waitFor();
    await inTwoLooks(page, async (look) => {
      await checkAccess(page, `the upload page ${look}`);
      await shoot(page, `upload-options-${look}`, { fullPage: true });
    });
    await page.getByLabel('Seed', { exact: true }).fill('7');
    // The browser does not tell what is in a form with files: the page's own words are heard as it sends them.
    const sent = [];
    await page.exposeFunction('hear', (options) => sent.push(options));
    await page.evaluate(() => {
      const { send } = XMLHttpRequest.prototype;
      XMLHttpRequest.prototype.send = function heard(form) {
        globalThis.hear(form.get('options'));
        return send.call(this, form);
      };
    });
    await page.getByRole('button', { name: 'Make 1 model' }).click();
    await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
    assert.deepEqual(sent, ['{"orientation":"align_image","seed":7}']);
  }));

test('the first page stays within its budget of bytes, requests and work', LIMIT, () =>
  on.visit({ width: 390, height: 844 }, async ({ page }) => {
    await page.addInitScript(() => {
      globalThis.longTasks = [];
      new PerformanceObserver((list) => globalThis.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
    });
    await page.goto('/', { waitUntil: 'networkidle' });
    const spent = await page.evaluate(() => {
      const own = performance.getEntriesByType('resource');
      const [navigation] = performance.getEntriesByType('navigation');
      const [paint] = performance.getEntriesByName('first-contentful-paint');
      return {
        bytes: [navigation, ...own].reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
        requests: own.length + 1, longest: Math.max(0, ...globalThis.longTasks), paint: paint?.startTime ?? Infinity,
      };
    });
    assert.ok(spent.bytes <= 80 * 1024, `${spent.bytes} bytes`);
    assert.ok(spent.requests <= 30, `${spent.requests} requests`);
    assert.ok(spent.longest <= 400, `a task of ${spent.longest} ms`);
    assert.ok(spent.paint <= 3000, `first paint after ${spent.paint} ms`);
  }));

// The last: the others want the product that they began with.
test('a lost network and a restarted service, in the middle of a job, cost no row and double none', { ...LIMIT, skip: !process.env.RESTART }, async () => {
  const wire = await layWire(on.baseUrl);
  try {
    await on.visit({ flat: true, through: wire.url, expected: [/ERR_|Failed to load resource|50[23]/] }, async ({ page }) => {
      await begin(page, ['before.jpg', 'sim-slow-over.jpg']);
      const working = page.locator('.row[data-status=processing]').filter({ hasText: 'sim-slow-over.jpg' });
      await working.waitFor();
      await working.getByText(/^\d+ log lines?$/).click();
      await working.locator('.log-lines li').first().waitFor();
      const bothAreThere = async () => assert.equal((await page.locator('.row').count()) + (await page.locator('.model').count()), 2);
      wire.cut();
      await page.getByText('Connection lost, trying again…').waitFor();
      wire.mend();
      await page.getByText('Live', { exact: true }).waitFor();
      await working.waitFor();
      await bothAreThere();
      writeFileSync(process.env.RESTART, '');
      while (existsSync(process.env.RESTART)) await wait(50);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.locator('.model').waitFor();
      await bothAreThere();
      await page.getByRole('button', { name: 'Cancel', exact: true }).click();
      await page.getByRole('button', { name: 'Cancel the job' }).click();
      await page.getByRole('heading', { name: '1 of 2 models are ready' }).waitFor();
    });
  } finally {
    await wire.close();
  }
});
