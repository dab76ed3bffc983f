// The operators' console against the running product: every view, at every width, and what can be done there.
// BASE_URL names the product (without keys, so that whoever comes is an operator). Pictures of what was seen go to SCREENSHOT_DIR.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkAccess } from './lib/access.mjs';
import { launch, openPage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';

const { BASE_URL } = process.env;
const SHOTS = resolve(process.env.SCREENSHOT_DIR ?? fileURLToPath(new URL('./test-results/', import.meta.url)));
const LIMIT = { timeout: 240_000 };
const MARK = `ops${Date.now().toString(36)}`;
const VIEWS = ['Overview', 'Jobs', 'Dead letters', 'Spend', 'Keys', 'Components', 'Logs'];

let browser;

before(async () => {
  assert.ok(BASE_URL, 'BASE_URL must name the running product, like http://127.0.0.1:3000');
  mkdirSync(SHOTS, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

async function visit(view, run) {
  const { page, context, troubles } = await openPage(browser, BASE_URL, view);
  try {
    await page.goto('/console.html');
    await run(page);
    assert.deepEqual(troubles, [], 'the console is clean and no other host was asked');
  } finally {
    await context.close();
  }
}

/** Opens a view and waits until it has been read. */
async function open(page, name) {
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, exact: true, level: 2 }).waitFor();
  await page.getByText('Reading…').waitFor({ state: 'detached' });
}

test('a dead letter is found, its job’s history read, and replayed; a queue is held and let go', LIMIT, () =>
  visit({}, async (page) => {
    const file = `sim-content-policy-${MARK}.jpg`;
    const job = await page.evaluate(async ([name, base64]) => {
      const form = new FormData();
      form.append('files', new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type: 'image/jpeg' }));
      return (await (await fetch('/api/v1/upload', { method: 'POST', body: form })).json()).job_id;
    }, [file, (await makePicture(browser, 300, 300, 40)).toString('base64')]);
    await page.waitForFunction(async (id) => (await (await fetch(`/api/v1/status/${id}`)).json()).status === 'failed', job);

    await open(page, 'Dead letters');
    const row = page.getByRole('row', { name: new RegExp(file) });
    await row.getByRole('link', { name: job.slice(0, 8) }).click();
    await page.getByRole('heading', { name: `Job ${job.slice(0, 8)}` }).waitFor();
    await page.locator('.timeline li[data-type=error]').waitFor();
    assert.ok((await page.locator('.timeline li').count()) > 3, 'every event stands in the timeline');
    await checkAccess(page, 'a history');
    await page.screenshot({ path: `${SHOTS}/console-history.png` });
    await page.getByRole('link', { name: 'Its log' }).click();
    await page.locator('.log-entries li').first().waitFor();

    await open(page, 'Dead letters');
    const [replayed] = await Promise.all([
      page.waitForResponse((answer) => answer.url().includes('/replay')),
      row.getByRole('button', { name: /^Replay/ }).first().click(),
    ]);
    assert.equal(replayed.status(), 202);

    await open(page, 'Overview');
    await page.getByRole('button', { name: 'Pause maintenance' }).click();
    await page.getByRole('button', { name: 'Resume maintenance' }).click();
    await page.getByRole('button', { name: 'Pause maintenance' }).waitFor();
  }));

test('a key is issued, shown once, and revoked after a question', LIMIT, () =>
  visit({}, async (page) => {
    await open(page, 'Keys');
    await page.getByLabel('Name').fill(`key of ${MARK}`);
    await page.getByRole('button', { name: 'Issue a key' }).click();
    assert.match(await page.locator('.secret').innerText(), /^i2m_/);
    await page.getByRole('button', { name: `Revoke key of ${MARK}` }).click();
    await page.getByRole('button', { name: 'Revoke the key' }).click();
    await page.getByRole('row', { name: new RegExp(`key of ${MARK}.*revoked`) }).waitFor();
  }));

test('logs are filtered by badness and words', LIMIT, () =>
  visit({}, async (page) => {
    await open(page, 'Logs');
    await page.locator('.log-entries li').first().waitFor();
    await page.getByLabel('At least').selectOption('WARN');
    await page.waitForFunction(() => [...document.querySelectorAll('.log-entries li')].every((entry) => ['warn', 'error'].includes(entry.dataset.level)));
    await page.getByLabel('Words').fill('nothing was ever logged like this');
    await page.getByText('Nothing was logged that fits.').waitFor();
  }));

for (const scheme of ['light', 'dark']) {
  for (const [width, height] of [[390, 844], [768, 1024], [1440, 900]]) {
    test(`every view is whole and accessible at ${width} px, ${scheme}`, LIMIT, () =>
      visit({ width, height, scheme }, async (page) => {
        for (const name of VIEWS) {
          await open(page, name);
          await checkAccess(page, name);
          await page.screenshot({ path: `${SHOTS}/console-${name.toLowerCase().replace(' ', '-')}-${width}-${scheme}.png` });
        }
      }));
  }
}
