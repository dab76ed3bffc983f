// Signing in, in a browser, against the running product with keys: the key is typed once, nothing of it stays in the page, and
// everything works with the cookie. BASE_URL names the product, API_KEY and ADMIN_API_KEY its keys; whoever does not own a job needs a
// permission for it (JOB_ACCESS=owner).

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { LIMIT, PHONE, inTwoLooks, keepsNo, loadedViewer, recordRooms, shoot, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';

const { API_KEY, ADMIN_API_KEY } = process.env;
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
    await page.getByRole('alert').filter({ hasText: 'A key is needed here' }).waitFor();
    await checkAccess(page, 'the key form');
    await signIn(page, 'a-key-that-nobody-has');
    await page.getByRole('alert').filter({ hasText: 'That key does not open this service' }).waitFor();
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
    // The session ends with the question asked: signing in is asked for over the page, and the job is deleted then.
    await context.clearCookies();
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.getByRole('dialog', { name: 'Sign in to go on' }).getByText('Your session has ended').waitFor();
    await checkAccess(page, 'signing in again');
    await signIn(page, API_KEY);
    await page.getByRole('link', { name: /vase\.jpg/ }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Turn photographs into 3D models' }).waitFor();
    assert.deepEqual(await context.cookies(), []);
    await page.goto('/results');
    await page.getByLabel('API key').waitFor();
  }));

/** A finished job of the key, made without any page. */
async function finishedJob(name) {
  const form = new FormData();
  form.append('files', new Blob([await makePicture(on.browser, 320, 240, 200)], { type: 'image/jpeg' }), name);
  const headers = { Authorization: `Bearer ${API_KEY}` };
  const { job_id: job } = await (await fetch(`${on.baseUrl}/api/v1/upload`, { method: 'POST', body: form, headers })).json();
  for (;;) {
    const { status } = await (await fetch(`${on.baseUrl}/api/v1/status/${job}?wait=5`, { headers })).json();
    if (status === 'completed') return job;
  }
}

test('the owner shares from the list of jobs; the guest looks and changes nothing, until the link is withdrawn', LIMIT, () =>
  on.visit({ flat: true, expected: [/403/] }, async ({ page }) => {
    const job = await finishedJob('shared.jpg');
    await page.goto('/results');
    await signIn(page, API_KEY);
    await page.getByRole('link', { name: /shared\.jpg/ }).click();
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByText(/may look and download, without a key, until/).waitFor();
    const link = page.getByLabel('Link to this job');
    const forADay = await link.inputValue();
    await page.getByLabel('How long the link is good for').selectOption('For an hour');
    await page.waitForFunction(([field, before]) => field.value !== before, [await link.elementHandle(), forADay]);
    await inTwoLooks(page, async (look) => {
      await checkAccess(page, `the shared link ${look}`);
      await shoot(page, `share-${look}`, { fullPage: true });
    });
    const given = await link.inputValue();
    const token = new URL(given).searchParams.get('access_token');
    assert.ok(Math.abs(parseInt(token, 16) - Date.now() / 1000 - 3600) < 60, 'good for an hour');

    await on.visit({ flat: true, expected: [/403/] }, async ({ page: guest }) => {
      await guest.goto(given);
      await guest.getByRole('heading', { name: 'Your model is ready' }).waitFor();
      assert.doesNotMatch(guest.url(), /access_token/, 'the token does not stay in the address');
      const model = await guest.getByRole('link', { name: /as GLB$/ }).getAttribute('href');
      assert.equal((await guest.request.get(model)).headers()['content-type'], 'model/gltf-binary');
      await Promise.all([guest.waitForEvent('download'), guest.getByRole('link', { name: 'Download all (ZIP)' }).click()]);
      for (const name of ['Delete', 'Cancel']) assert.equal(await guest.getByRole('button', { name, exact: true }).count(), 0, name);
      const erase = (how) => guest.evaluate(async ([path, method]) => (await fetch(path, { method })).status, how);
      assert.equal(await erase([`/api/v1/jobs/${job}/data?access_token=${token}`, 'DELETE']), 403);
      assert.equal(await erase([`/api/v1/jobs/${job}/share?access_token=${token}`, 'POST']), 403);

      await page.getByRole('button', { name: 'Withdraw all links' }).click();
      await page.getByText('No link that was shared until now').waitFor();
      await guest.goto(given);
      await guest.getByRole('heading', { name: 'This link has ended' }).waitFor();
      await signIn(guest, API_KEY);
      await guest.getByRole('button', { name: 'Delete', exact: true }).waitFor();
    });
  }));

test('a phone’s own viewer gets the model without the page’s cookie, for minutes', LIMIT, () =>
  on.visit({ ...PHONE, expected: [/403/] }, async ({ page }) => {
    const job = await finishedJob('room.jpg');
    await page.goto(`/processing?job=${job}`);
    await signIn(page, API_KEY);
    const viewer = await loadedViewer(page);
    assert.ok(await viewer.evaluate((element) => element.canActivateAR));
    await recordRooms(page);
    await page.getByRole('button', { name: 'View in your space: room' }).click();
    const { app, model } = await page.waitForFunction(() => globalThis.room).then((room) => room.jsonValue());
    assert.equal(app, 'intent://arvr.google.com/scene-viewer/1.2');
    assert.equal(new URL(model).searchParams.get('stream'), '1', 'it is answered, not sent on');
    // Fetched from here, outside of any browser: no cookie, no key.
    const [given, bare] = await Promise.all([fetch(model), fetch(model.replace(/&access_token=[^&]+/, ''))]);
    assert.deepEqual([given.status, given.headers.get('content-type'), bare.status], [200, 'model/gltf-binary', 403]);
    assert.equal(Buffer.from(await given.arrayBuffer()).toString('latin1', 0, 4), 'glTF');
    const token = new URL(model).searchParams.get('access_token');
    assert.ok(parseInt(token, 16) - Date.now() / 1000 <= 601, 'ten minutes at most');
    const erase = await fetch(`${on.baseUrl}/api/v1/jobs/${job}/data?access_token=${token}`, { method: 'DELETE' });
    assert.equal(erase.status, 403);
    assert.ok(await viewer.evaluate((element) => element.loaded), 'the page’s own viewer goes on with what it has');
    await shoot(page, 'phone-ar');
  }));

test('the console wants an admin’s session, which opens it and ends with a click', LIMIT, () =>
  on.visit({ path: '/console', expected: [/403/] }, async ({ page }) => {
    await signIn(page, API_KEY);
    await page.getByRole('alert').filter({ hasText: 'This part is for administrators' }).waitFor();
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
