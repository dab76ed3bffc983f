// The other flows through the pages, against the running product: an upload that is arranged, left and taken up again; a
// job that is watched, cancelled, retried and shared; its models looked into and brought home; the list of jobs.
// BASE_URL names the product, whose models come from the simulator.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { LIMIT, inEveryLook, inTwoLooks, loadedViewer, shoot, shootForReadme, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';
import { zipNames } from './lib/zip_names.mjs';

/** A name that no other job of the product has. */
const MARK = `mark${Date.now().toString(36)}`;

let pictures;
const on = stage(async ({ browser }) => {
  const drawn = await Promise.all([[900, 700, 20], [600, 800, 200], [800, 500, 110]].map((size) => makePicture(browser, ...size)));
  pictures = ['lamp', 'vase', 'chair'].map((name, index) => ({ name: `${name}-${MARK}.jpg`, mimeType: 'image/jpeg', buffer: drawn[index] }));
});
const { visit } = on;

const names = (page) => page.locator('.picture-name').allInnerTexts();

/** Waits until exactly these are kept for another visit. */
const kept = (page, wanted) => page.waitForFunction(async (ids) => {
  const open = indexedDB.open('image2model');
  const database = await new Promise((opened) => Object.assign(open, { onsuccess: () => opened(open.result) }));
  const read = database.transaction('pictures').objectStore('pictures').get('order');
  const order = await new Promise((done) => Object.assign(read, { onsuccess: () => done(read.result?.ids ?? []) }));
  database.close();
  return order.join() === ids.join();
}, wanted);

const ids = (page) => page.locator('.picture').evaluateAll((tiles) => tiles.map(({ dataset }) => dataset.id));

async function upload(page, files) {
  await page.goto('/upload');
  await page.setInputFiles('#pictures', files);
  await page.getByRole('button', { name: /^Make \d+ models?$/ }).click();
  await page.waitForURL(/\/processing\?job=/);
}

/** While nothing is taken up: whoever looks does so in time, however slow the machine is. */
async function whileHeld(page, run) {
  const hold = (how) => page.request.post(`/api/v1/admin/queues/batch_processing/${how}`);
  await hold('pause');
  try {
    await run();
  } finally {
    await hold('resume');
  }
}

test('pictures are picked, dropped and pasted, put in order by keyboard and mouse, and still there after a reload', LIMIT, () =>
  visit({}, async ({ page }) => {
    await page.goto('/');
    await page.setInputFiles('#pictures', pictures.slice(0, 1));
    const carry = ({ name, buffer }, how) => page.evaluate(([base64, called, kind]) => {
      const hand = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      hand.items.add(new File([bytes], called, { type: 'image/jpeg' }));
      const goal = document.querySelector('main');
      if (kind === 'paste') return dispatchEvent(new ClipboardEvent('paste', { clipboardData: hand }));
      for (const type of ['dragenter', 'dragover', 'drop']) goal.dispatchEvent(new DragEvent(type, { dataTransfer: hand, bubbles: true, cancelable: true }));
    }, [buffer.toString('base64'), name, how]);
    await carry(pictures[1], 'drop');
    await page.getByRole('button', { name: 'Make 2 models' }).waitFor();
    await carry(pictures[2], 'paste');
    await page.getByRole('button', { name: 'Make 3 models' }).waitFor();
    const [lamp, vase, chair] = pictures.map(({ name }) => name);
    assert.deepEqual(await names(page), [lamp, vase, chair]);

    await page.getByRole('button', { name: `Move ${chair} earlier` }).focus();
    await page.keyboard.press('Enter');
    assert.deepEqual(await names(page), [lamp, chair, vase]);
    await page.getByRole('status').filter({ hasText: `${chair} is now picture 2 of 3.` }).waitFor({ state: 'attached' });
    await page.keyboard.press('Enter');
    assert.deepEqual(await names(page), [chair, lamp, vase], 'the hand stays on its button');
    await page.locator('.picture').nth(0).dragTo(page.locator('.picture').nth(2));
    assert.deepEqual(await names(page), [lamp, vase, chair]);

    await kept(page, await ids(page));
    await page.reload();
    await page.getByText('3 pictures of your last visit are still here.').waitFor();
    assert.deepEqual(await names(page), [lamp, vase, chair]);
    await page.getByRole('button', { name: `Remove ${vase}` }).click();
    await page.getByRole('button', { name: 'Make 2 models' }).waitFor();
    await page.getByRole('button', { name: 'Start afresh' }).click();
    await kept(page, []);
    await page.reload();
    await page.getByText('None yet').waitFor();
    assert.equal(await page.locator('.picture').count(), 0);
  }));

test('detail is a slider, options and prices are the model’s own', LIMIT, () =>
  visit({}, async ({ page }) => {
    await page.goto('/');
    await page.setInputFiles('#pictures', pictures.slice(0, 2));
    await page.getByText('$0.60').waitFor();
    await page.getByRole('radio', { name: /^HD/ }).check();
    await page.getByText('$0.80').waitFor();
    await page.getByText('about 1 minute each').waitFor();
    await page.getByRole('radio', { name: /Fine/ }).check();
    assert.equal(await page.getByLabel('Faces at most').inputValue(), '200000');
    await page.getByRole('slider', { name: 'Detail' }).focus();
    await page.keyboard.press('Home');
    assert.equal(await page.getByLabel('Faces at most').inputValue(), '1000');
    await page.reload();
    await page.getByRole('radio', { name: /^HD/ }).waitFor();
    assert.ok(await page.getByRole('radio', { name: /^HD/ }).isChecked(), 'the choice survives a reload');
    await page.getByLabel('Faces at most').fill('12');
    await page.getByRole('button', { name: 'Make 2 models' }).click();
    await page.getByText('Give a whole number from 1000 to 500000.').waitFor();
    assert.match(page.url(), /\/$/);
  }));

test('each picture’s way to the service is seen and can be ended; what the service refuses is told in its words', LIMIT, () =>
  visit({ path: '/', flat: true, expected: [/400/] }, async ({ page, context }) => {
    // More than the network's own buffers, so that it takes its time on a slow line.
    const noise = Buffer.concat([pictures[0].buffer, randomBytes(1_500_000)]);
    await page.setInputFiles('#pictures', [{ ...pictures[0], buffer: noise }, { ...pictures[1], buffer: noise }]);
    const devtools = await context.newCDPSession(page);
    const line = (uploadThroughput) => devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
    await line(600_000);
    await page.getByRole('button', { name: 'Make 2 models' }).click();
    const bars = pictures.slice(0, 2).map(({ name }) => page.getByRole('progressbar', { name: `Upload of ${name}` }));
    const shares = () => Promise.all(bars.map(async (bar) => Number(await bar.getAttribute('aria-valuenow'))));
    for (let [first, second] = [0, 0]; first === 0; [first, second] = await shares()) assert.ok(second === 0, 'they leave in their order');
    await page.getByText(/^Sending, \d+ %$/).waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText('The upload was stopped. Your pictures are still here, and the service kept none.').waitFor();

    await line(-1);
    await page.getByRole('button', { name: 'Make 2 models' }).click();
    await page.locator('.picture.is-refused').filter({ hasText: 'Something follows the image in this file' }).nth(1).waitFor();
    await page.getByRole('alert').waitFor();
    for (const { name } of pictures.slice(0, 2)) await page.getByRole('button', { name: `Remove ${name}` }).click();
  }));

test('who waits in line is told the place', LIMIT, () =>
  visit({ flat: true }, async ({ page }) => {
    await whileHeld(page, async () => {
      await upload(page, pictures.slice(0, 2).map((picture) => ({ ...picture, name: `waiting-${picture.name}` })));
      await page.getByText('Next in line').waitFor();
      await page.getByText('1 picture in line before it').waitFor();
      await page.reload();
      await page.getByText('1 picture in line before it').waitFor();
    });
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
  }));

test('a job is watched live; its models are looked into, brought home and shared', LIMIT, () =>
  visit({}, async ({ page }) => {
    await whileHeld(page, async () => {
      await upload(page, pictures);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.getByText(/so far/).waitFor();
      assert.match(await page.title(), /^\d+ % · Image2Model$/);
      assert.match(await page.locator('link[rel=icon]').getAttribute('href'), /^data:image\/svg/, 'the tab shows the progress');
    });
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
    assert.equal(await page.locator('.model').count(), 3);
    assert.equal(await page.locator('.row').count(), 0);

    await loadedViewer(page);
    await page.getByText(/\d triangles/).first().waitFor();
    const poster = await page.locator('model-viewer').first().getAttribute('poster');
    assert.equal((await page.request.get(poster)).headers()['content-type'].split('/')[0], 'image', 'what is seen until the model is there');
    const wires = page.getByRole('button', { name: `Wireframe of lamp-${MARK}` });
    await wires.click();
    assert.equal(await wires.getAttribute('aria-pressed'), 'true');
    await page.getByRole('button', { name: `Full screen of lamp-${MARK}` }).click();
    await page.waitForFunction(() => document.fullscreenElement !== null);
    await page.evaluate(() => document.exitFullscreen());

    await page.getByRole('checkbox', { name: `Select lamp-${MARK}.jpg` }).check();
    await page.getByRole('checkbox', { name: `Select chair-${MARK}.jpg` }).check();
    const [archive] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download 2 selected' }).click()]);
    assert.deepEqual(zipNames(readFileSync(await archive.path())), [`lamp-${MARK}.glb`, `chair-${MARK}.glb`]);

    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByText('Whoever has this link may look and download').waitFor();
    const link = await page.getByLabel('Link to this job').inputValue();
    assert.ok(link.startsWith(page.url()), link);
    await inTwoLooks(page, async (look) => {
      await checkAccess(page, `three results ${look}`);
      await shoot(page, `three-${look}`, { fullPage: true });
    });
  }));

test('a failed file tells its reason and is tried again; a job is cancelled after a question', LIMIT, () =>
  visit({ flat: true }, async ({ page }) => {
    await upload(page, [{ ...pictures[0], name: `sim-no-media-${MARK}.jpg` }]);
    await page.getByRole('heading', { name: 'The model could not be made' }).waitFor();
    await checkAccess(page, 'a failed job');
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().includes('/retry')),
      page.getByRole('button', { name: /^Try again: sim-no-media/ }).click(),
    ]);
    assert.equal(answer.status(), 202);
    await page.getByRole('heading', { name: 'Making 1 model' }).waitFor();
    await page.getByRole('heading', { name: 'The model could not be made' }).waitFor();
    assert.equal(await page.locator('.row').count(), 1);

    await upload(page, [{ ...pictures[1], name: `sim-slow-${MARK}.jpg` }]);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel this job?' });
    await checkAccess(page, 'the question');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await dialog.getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByRole('heading', { name: 'This job was cancelled' }).waitFor();
  }));

test('the list of jobs is searched and filtered, and its addresses survive a reload', LIMIT, () =>
  visit({ flat: true }, async ({ page }) => {
    await page.goto('/results');
    await page.getByRole('heading', { name: 'Your models' }).waitFor();
    await page.getByLabel('Search by file name').fill(MARK);
    await page.waitForFunction((mark) => [...document.querySelectorAll('.job-name')].length >= 3 && [...document.querySelectorAll('.job-name')].every((name) => name.textContent.includes(mark)), MARK);
    await page.waitForFunction(() => [...document.querySelectorAll('.cover img')].every((image) => image.complete && image.naturalWidth > 0));
    await inEveryLook(page, async (look) => {
      await checkAccess(page, `the list of jobs ${look}`);
      if (look === '1440-light') await shootForReadme(page, 'jobs');
      await shoot(page, `jobs-${look}`, { fullPage: true });
    });
    await page.getByLabel('State').selectOption('cancelled');
    await page.waitForFunction(() => document.querySelectorAll('.job-item').length === 1);
    await page.reload();
    await page.getByText(`sim-slow-${MARK}.jpg`).waitFor();
    await page.getByLabel('Search by file name').fill('no such file anywhere');
    await page.getByText('None of your uploads fits what you are looking for.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('link', { name: new RegExp(`lamp-${MARK}.jpg and 2 more`) }).click();
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
  }));
