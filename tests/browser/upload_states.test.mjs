// Uploads that are interrupted, against a stand-in for the service: what has left cannot be taken back, and is not sent twice. And
// a shared link where the browser keeps nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { LIMIT } from './lib/chromium.mjs';
import { standInStage, upload } from './lib/stand_in.mjs';

const { pictures, visit } = standInStage();

test('what has left whole is not cancelled any more, as the service goes on with it', LIMIT, () => {
  let answer;
  const until = new Promise((resolve) => (answer = resolve));
  return visit({ until }, { flat: true }, async ({ page }) => {
    await upload(page, pictures.slice(0, 2));
    await page.getByText('Sent. The pictures are being checked…').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Cancel', exact: true }).count(), 0);
    assert.match(await page.evaluate(() => document.activeElement.textContent), /^Sent\./, 'the keyboard is where the button was');
    await checkAccess(page, 'an upload that is being checked');
    answer();
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
  });
});

test('an upload whose answer was lost is the same upload after a reload, and another one once it was answered', LIMIT, () =>
  visit({ lose: true }, { flat: true, expected: [/ERR_/] }, async ({ page, double }) => {
    const keys = () => double.seen.filter(({ path }) => path === '/api/v1/upload').map(({ headers }) => headers['idempotency-key']);
    const send = () => page.getByRole('button', { name: 'Make 2 models' }).click();
    await upload(page, pictures.slice(0, 2));
    await page.getByText('The service cannot be reached at the moment.').waitFor();
    await page.reload();
    await page.getByText('2 pictures of your last visit are still here.').waitFor();
    await send();
    await page.waitForURL(/\/processing/);
    assert.equal(keys().length, 2);
    assert.equal(keys()[0], keys()[1], 'the reload made no other upload of it');
    await upload(page, pictures.slice(0, 2));
    await page.waitForURL(/\/processing/);
    assert.notEqual(keys()[2], keys()[1]);
  }));

test('a page takes what its service takes', LIMIT, () =>
  visit({ limits: { max_files: 2, max_file_bytes: 5 << 20 } }, { flat: true }, async ({ page }) => {
    await page.goto('/upload');
    await page.getByText('JPEG or PNG, up to 5 MB each, 2 at most').waitFor();
    await page.getByText('Drop up to 2 pictures;').waitFor();
    await page.setInputFiles('#pictures', pictures.slice(0, 3));
    await page.getByRole('button', { name: 'Make 2 models' }).waitFor();
    await page.getByText('At most 2 pictures fit in one upload.').first().waitFor();
  }));

test('a shared link opens where the browser refuses storage, and stays in the address', LIMIT, () =>
  visit({}, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures.slice(0, 1));
    await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
    const [id] = double.jobs.keys();
    await page.addInitScript(() => Object.defineProperty(globalThis, 'sessionStorage', { get: () => { throw new DOMException('Refused', 'SecurityError'); } }));
    for (const open of [() => page.goto(`/results?job=${id}&access_token=of-a-guest`), () => page.reload()]) {
      await open();
      await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
      assert.equal(new URL(page.url()).searchParams.get('access_token'), 'of-a-guest');
      assert.ok(double.seen.filter(({ path }) => path === `/api/v1/status/${id}`).at(-1).query.has('access_token'), 'the guest asks as one');
    }
  }));
