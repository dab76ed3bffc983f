// Signing in, in a browser, against the running product with keys: the key is typed once, nothing of it stays in the page, and
// everything works with the cookie. BASE_URL names the product, API_KEY and ADMIN_API_KEY its keys.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { keepsNo, loadedViewer, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';

const { API_KEY, ADMIN_API_KEY } = process.env;
const LIMIT = { timeout: 120_000 };
const on = stage();

async function signIn(page, key) {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Use this key' }).click();
}

test('the key is typed once; uploads, streams, models and downloads go with the session', LIMIT, () =>
  on.visit({ path: '/', expected: [/403/] }, async ({ page, context }) => {
    const requests = [];
    page.on('request', (request) => requests.push(request));
    await page.setInputFiles('#pictures', { name: 'vase.jpg', mimeType: 'image/jpeg', buffer: await makePicture(on.browser, 600, 500, 30) });
    await page.getByRole('button', { name: 'Make 1 model' }).click();
    await page.getByRole('alert').filter({ hasText: 'Not authenticated' }).waitFor();
    await checkAccess(page, 'the key form');
    await signIn(page, 'a-key-that-nobody-has');
    await page.getByRole('alert').filter({ hasText: 'Invalid API key' }).waitFor();
    await signIn(page, API_KEY);
    await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
    await loadedViewer(page);
    await keepsNo(page, API_KEY);
    const [cookie, ...others] = await context.cookies();
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite, others.length], ['image2model_session', true, 'Strict', 0]);
    await keepsNo(page, cookie.value);
    const named = (part) => requests.filter((request) => request.url().includes(part));
    assert.ok(named('/status/stream/').length > 0 && named('/model').length > 0);
    for (const request of requests) {
      assert.doesNotMatch(request.url(), /access_token|key-of/, 'no secret in an address');
      const { authorization } = request.headers();
      assert.ok(authorization === undefined || request.url().endsWith('/api/v1/session'), `a key was sent to ${request.url()}`);
    }
    await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download all (ZIP)' }).click()]);

    // As a page of another site, even one at the same host, would try it.
    const evil = createServer((_, answer) => answer.end('<!doctype html>')).listen(0, '127.0.0.1');
    const other = await context.newPage();
    await other.goto(`http://127.0.0.1:${evil.address().port}/`);
    const job = new URL(page.url()).searchParams.get('job');
    await other.evaluate(([base, id]) => fetch(`${base}/api/v1/jobs/${id}/retry`, { method: 'POST', mode: 'no-cors', credentials: 'include' }), [on.baseUrl, job]);
    await other.close();
    evil.close();

    await page.goto('/results');
    await page.getByRole('link', { name: /vase\.jpg/ }).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('.cover img')].every((image) => image.naturalWidth > 0 && image.naturalWidth <= 320));
    await page.getByRole('button', { name: 'Delete vase.jpg' }).click();
    await checkAccess(page, 'the question before a deletion');
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.getByRole('link', { name: /vase\.jpg/ }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Turn photographs into 3D models' }).waitFor();
    assert.deepEqual(await context.cookies(), []);
    await page.goto('/results');
    await page.getByLabel('API key').waitFor();
  }));

test('the console wants an admin’s session, which opens it and ends with a click', LIMIT, () =>
  on.visit({ path: '/console', expected: [/403/] }, async ({ page }) => {
    await signIn(page, API_KEY);
    await page.getByRole('alert').filter({ hasText: 'Invalid admin API key' }).waitFor();
    await signIn(page, ADMIN_API_KEY);
    await page.getByRole('region', { name: 'Queues' }).waitFor();
    await keepsNo(page, ADMIN_API_KEY);
    await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Keys' }).click();
    await page.getByRole('heading', { name: 'Keys', level: 2 }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Turn photographs into 3D models' }).waitFor();
    await page.goto('/console');
    await page.getByLabel('API key').waitFor();
  }));
