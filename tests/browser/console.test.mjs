// The operators' console against the running product: every view, at every width, and what can be done there.
// BASE_URL names the product (without keys, so that whoever comes is an operator), COMPONENT the `web` component that it serves.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { LIMIT, inEveryLook, inTwoLooks, shoot, shootForReadme, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';

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

/** Uploads a picture under this name, as a page does. */
const upload = (page, name, picture) => page.evaluate(async ([name, base64]) => {
  const form = new FormData();
  form.append('files', new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type: 'image/jpeg' }));
  return (await (await fetch('/api/v1/upload', { method: 'POST', body: form })).json()).job_id;
}, [name, picture.toString('base64')]);

/** Waits until the job has ended so. */
const ended = (page, job, how) =>
  page.waitForFunction(async ([id, how]) => (await (await fetch(`/api/v1/status/${id}`)).json()).status === how, [job, how]);

test('the overview counts what is made, and what it has cost', LIMIT, () =>
  visit({}, async (page) => {
    const tile = (name) => page.locator('.tile').filter({ has: page.getByText(name, { exact: true }) }).locator('dd').innerText();
    const counted = (name) => page.evaluate(async (name) => {
      const lines = (await (await fetch('/api/v1/metrics')).text()).split('\n');
      return Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0);
    }, name);
    await open(page, 'Overview');
    const before = await counted('image2model_cost_usd_total');
    await ended(page, await upload(page, `counted-${MARK}.jpg`, await makePicture(on.browser, 320, 300, 90)), 'completed');
    // What was counted is good for two seconds.
    let cost = before;
    while (cost === before) cost = await counted('image2model_cost_usd_total');
    while ((await tile('Spent so far')) !== `$${cost.toFixed(2)}`) await page.waitForTimeout(100);
    // Rates go back a minute at most, so that one model is one a minute or more.
    while (!(Number(await tile('Models a minute')) >= 1)) await page.waitForTimeout(100);
    assert.ok(Number(await tile('Requests a minute')) > 0);
  }));

test('a dead letter is found, its job’s history read, and replayed; a queue is held and let go', LIMIT, () =>
  visit({}, async (page) => {
    const file = `sim-content-policy-${MARK}.jpg`;
    const job = await upload(page, file, await makePicture(on.browser, 300, 300, 40));
    await ended(page, job, 'failed');

    await open(page, 'Dead letters');
    const row = page.getByRole('row', { name: new RegExp(file) });
    await row.getByRole('link', { name: job.slice(0, 8) }).click();
    await page.getByRole('heading', { name: `Job ${job.slice(0, 8)}` }).waitFor();
    await page.locator('.timeline li[data-type=error]').waitFor();
    assert.ok((await page.locator('.timeline li').count()) > 3, 'every event stands in the timeline');
    await checkAccess(page, 'a history');
    await shoot(page, 'console-history');
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

test('a component is tried on some callers, served to all, and rolled back, while it serves', LIMIT, () =>
  visit({ expected: [/422/] }, async (page) => {
    // The very component that sends these pages, as other bytes: with a section that nobody reads.
    const release = Buffer.concat([readFileSync(process.env.COMPONENT), Buffer.from([0, 4, 3, ...Buffer.from('new')])]);
    const served = () => page.evaluate(async () => {
      const { components } = await (await fetch('/api/v1/admin/components')).json();
      const { current, canary, previous } = components.find(({ id }) => id === 'web').rollout;
      return { current: current.digest, canary: canary && [canary.release.digest, canary.weight], previous: previous?.digest };
    });
    await open(page, 'Components');
    const row = page.getByRole('region', { name: 'Releases' }).getByRole('row', { name: /^web/ });
    const { current: original } = await served();

    await row.getByRole('button', { name: 'Change web' }).click();
    await page.getByRole('button', { name: 'Serve it' }).click();
    await page.getByText('Name an address, or choose a file.').waitFor();
    await page.getByLabel('Address', { exact: true }).fill('file:///etc/passwd');
    await page.getByRole('button', { name: 'Serve it' }).click();
    await page.getByRole('alert').filter({ hasText: 'The address must be https://' }).waitFor();
    await page.getByLabel('Address', { exact: true }).fill('');
    await page.getByLabel('Or a file').setInputFiles({ name: 'web.wasm', mimeType: 'application/wasm', buffer: release });
    await page.getByLabel('To whom').selectOption('10');
    await inTwoLooks(page, async (look) => {
      await checkAccess(page, `the order of a release ${look}`);
      await shoot(page, `console-release-${look}`);
    });
    await page.getByRole('button', { name: 'Serve it' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await row.getByText('10 %').waitFor();
    const tried = await served();
    assert.deepEqual([tried.current, tried.canary[1]], [original, 10]);
    await inTwoLooks(page, (look) => shoot(page, `console-trying-${look}`));

    await row.getByRole('button', { name: 'Serve the tried release of web to everybody' }).click();
    await page.getByRole('button', { name: 'Serve it' }).click();
    await row.getByText('swap: serving').waitFor();
    assert.deepEqual(await served(), { current: tried.canary[0], canary: null, previous: original });
    assert.equal((await page.request.get('/console')).status(), 200, 'the release that was just served sends pages');

    await row.getByRole('button', { name: 'Roll back web' }).click();
    await page.getByRole('button', { name: 'Roll back', exact: true }).last().click();
    await row.getByText('rollback: rolled back').waitFor();
    assert.equal((await served()).current, original);
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
        if (name === 'Overview' && look === '1440-dark') await shootForReadme(page, 'console');
        await shoot(page, `console-${name.toLowerCase().replace(' ', '-')}-${look}`);
      });
    }
  }));
