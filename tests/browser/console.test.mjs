// The operators' console against the running product: every view, at every width, and what can be done there.
// BASE_URL names the product (without keys, so that whoever comes is an operator). Pictures of what was seen go to SCREENSHOT_DIR.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { inEveryLook, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';

const LIMIT = { timeout: 240_000 };
const MARK = `ops${Date.now().toString(36)}`;
const VIEWS = ['Overview', 'Jobs', 'Dead letters', 'Spend', 'Keys', 'Components', 'Logs'];

const on = stage();
const visit = (view, run) => on.visit({ path: '/console', ...view }, ({ page }) => run(page));

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
    }, [file, (await makePicture(on.browser, 300, 300, 40)).toString('base64')]);
    await page.waitForFunction(async (id) => (await (await fetch(`/api/v1/status/${id}`)).json()).status === 'failed', job);

    await open(page, 'Dead letters');
    const row = page.getByRole('row', { name: new RegExp(file) });
    await row.getByRole('link', { name: job.slice(0, 8) }).click();
    await page.getByRole('heading', { name: `Job ${job.slice(0, 8)}` }).waitFor();
    await page.locator('.timeline li[data-type=error]').waitFor();
    assert.ok((await page.locator('.timeline li').count()) > 3, 'every event stands in the timeline');
    await checkAccess(page, 'a history');
    await page.screenshot({ path: `${on.shots}/console-history.png` });
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

test('components are exchanged, tried and rolled back where the host owns them', LIMIT, () =>
  visit({}, async (page) => {
    const release = (letter) => ({ source: `oci://registry.example/status@sha256:${letter.repeat(64)}`, digest: `sha256:${letter.repeat(64)}` });
    const asked = [];
    await page.route('**/api/v1/admin/components', async (route) => {
      const answer = await (await route.fetch()).json();
      for (const component of answer.components) {
        component.rollout = { revision: 3, current: release('a'), previous: release('b'), canary: { release: release('c'), weight: 10, by: 'key:x', at: new Date().toISOString() }, candidate: null, last: null };
      }
      await route.fulfill({ json: answer });
    });
    await page.route(/\/admin\/components\/status\/(canary|swap|rollback)/, async (route) => {
      asked.push([route.request().url().split('/').at(-1), route.request().postDataJSON()]);
      await route.fulfill({ json: { id: 'status', change: 4, outcome: 'trying', message: 'Some callers are served it.', rollout: null } });
    });
    await open(page, 'Components');
    await page.getByRole('region', { name: 'Releases' }).waitFor();
    await page.getByRole('button', { name: 'Change status', exact: true }).click();
    await page.getByRole('button', { name: 'Serve it' }).click();
    await page.getByText('Name an address, or choose a file.').waitFor();
    await page.getByLabel('Address', { exact: true }).fill(release('d').source);
    await page.getByLabel('To whom').selectOption('10');
    await inEveryLook(page, async (look) => {
      await checkAccess(page, `the order of a release ${look}`);
      await page.screenshot({ path: `${on.shots}/console-release-${look}.png` });
    });
    await page.getByRole('button', { name: 'Serve it' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Roll status back' }).click();
    await page.getByRole('button', { name: 'Roll back', exact: true }).last().click();
    await page.waitForFunction(() => document.querySelector('dialog') === null);
    assert.deepEqual(asked, [['canary', { source: release('d').source, weight: 10 }], ['rollback', {}]]);
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

test('every view is whole and accessible at every width, in light and dark', LIMIT, () =>
  visit({}, async (page) => {
    for (const name of VIEWS) {
      await open(page, name);
      await inEveryLook(page, async (look) => {
        await checkAccess(page, `${name} ${look}`);
        await page.screenshot({ path: `${on.shots}/console-${name.toLowerCase().replace(' ', '-')}-${look}.png` });
      });
    }
  }));
