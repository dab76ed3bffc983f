// The other flows through the pages, against the running product: an upload that is arranged, left and taken up again; a
// job that is watched, cancelled, retried and shared; its models looked into and brought home; the list of jobs.
// BASE_URL names the product, whose models come from the simulator. Pictures of what was seen go to SCREENSHOT_DIR.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { inEveryLook, loadedViewer, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';
import { zipNames } from './lib/zip_names.mjs';

const LIMIT = { timeout: 240_000 };
/** A name that no other job of the product has. */
const MARK = `mark${Date.now().toString(36)}`;

let pictures;
const on = stage(async ({ browser }) => {
  const drawn = await Promise.all([[900, 700, 20], [600, 800, 200], [800, 500, 110]].map((size) => makePicture(browser, ...size)));
  pictures = ['lamp', 'vase', 'chair'].map((name, index) => ({ name: `${name}-${MARK}.jpg`, mimeType: 'image/jpeg', buffer: drawn[index] }));
});
const { visit } = on;

const names = (page) => page.locator('.picture-name').allInnerTexts();

async function upload(page, files) {
  await page.goto('/upload');
  await page.setInputFiles('#pictures', files);
  await page.getByRole('button', { name: /^Make \d+ models?$/ }).click();
  await page.waitForURL(/\/processing\?job=/);
}

test('pictures are pasted, put in order by keyboard and mouse, and still there after a reload', LIMIT, () =>
  visit({}, async ({ page }) => {
    await page.goto('/');
    await page.setInputFiles('#pictures', pictures.slice(0, 2));
    await page.evaluate(async ([name, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const clipboard = new DataTransfer();
      clipboard.items.add(new File([bytes], name, { type: 'image/jpeg' }));
      dispatchEvent(new ClipboardEvent('paste', { clipboardData: clipboard }));
    }, [pictures[2].name, pictures[2].buffer.toString('base64')]);
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

    await page.waitForTimeout(500);
    await page.reload();
    await page.getByText('3 pictures of your last visit are still here.').waitFor();
    assert.deepEqual(await names(page), [lamp, vase, chair]);
    await page.getByRole('button', { name: `Remove ${vase}` }).click();
    await page.getByRole('button', { name: 'Make 2 models' }).waitFor();
    await page.getByRole('button', { name: 'Start afresh' }).click();
    await page.waitForTimeout(500);
    await page.reload();
    await page.getByText('None yet').waitFor();
    await page.waitForTimeout(300);
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

test('a job is watched live, with its log, over a lost network; its models are looked into and brought home', LIMIT, () =>
  visit({ expected: [/ERR_INTERNET_DISCONNECTED|Failed to load resource/] }, async ({ page, context }) => {
    await upload(page, pictures);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByText(/so far/).waitFor();
    assert.match(await page.locator('link[rel=icon]').getAttribute('href'), /^data:image\/svg/, 'the tab shows the progress');
    await context.setOffline(true);
    await page.waitForTimeout(2500);
    await context.setOffline(false);
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor({ timeout: 120_000 });
    assert.equal(await page.locator('.model').count(), 3);
    assert.equal(await page.locator('.row').count(), 0);

    await loadedViewer(page);
    await page.getByText(/\d triangles/).first().waitFor();
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

    await page.getByRole('button', { name: 'Share' }).click();
    const link = await page.getByLabel('Link to this job').inputValue();
    await checkAccess(page, 'the results');
    const other = await on.browser.newContext();
    const guest = await other.newPage();
    await guest.goto(link);
    await guest.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
    assert.doesNotMatch(guest.url(), /access_token/, 'the token does not stay in the address');
    await other.close();
  }));

test('a failed file tells its reason and is tried again; a job is cancelled after a question', LIMIT, () =>
  visit({}, async ({ page }) => {
    await upload(page, [{ ...pictures[0], name: `sim-content-policy-${MARK}.jpg` }]);
    await page.getByRole('heading', { name: 'The model could not be made' }).waitFor({ timeout: 60_000 });
    await checkAccess(page, 'a failed job');
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().includes('/retry')),
      page.getByRole('button', { name: /^Try again: sim-content-policy/ }).click(),
    ]);
    assert.equal(answer.status(), 202);
    await page.getByRole('heading', { name: 'Making 1 model' }).waitFor();
    await page.getByRole('heading', { name: 'The model could not be made' }).waitFor({ timeout: 60_000 });
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
    await page.getByRole('heading', { name: 'This job was cancelled' }).waitFor({ timeout: 60_000 });
  }));

test('the list of jobs is searched and filtered, and its addresses survive a reload', LIMIT, () =>
  visit({}, async ({ page }) => {
    await page.goto('/results');
    await page.getByRole('heading', { name: 'Your models' }).waitFor();
    await page.getByLabel('Search by file name').fill(MARK);
    await page.waitForFunction((mark) => [...document.querySelectorAll('.job-name')].length >= 3 && [...document.querySelectorAll('.job-name')].every((name) => name.textContent.includes(mark)), MARK);
    await checkAccess(page, 'the list of jobs');
    await page.getByLabel('State').selectOption('cancelled');
    await page.waitForFunction(() => document.querySelectorAll('.job-item').length === 1);
    await page.reload();
    await page.getByText(`sim-slow-${MARK}.jpg`).waitFor();
    await page.getByLabel('Search by file name').fill('no such file anywhere');
    await page.getByText('None of your jobs has a file of that name in that state.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('link', { name: new RegExp(`lamp-${MARK}.jpg and 2 more`) }).click();
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
  }));

test('the list of jobs and three results are whole and accessible at every width, in light and dark', LIMIT, () =>
  visit({}, async ({ page }) => {
    await page.goto(`/results?filename=${MARK}`);
    await page.locator('.job-item').nth(2).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('.cover img')].every((image) => image.complete && image.naturalWidth > 0));
    await inEveryLook(page, async (look) => {
      await checkAccess(page, `the list of jobs ${look}`);
      await page.screenshot({ path: `${on.shots}/jobs-${look}.png`, fullPage: true });
    });
    await page.getByRole('link', { name: new RegExp(`lamp-${MARK}.jpg and 2 more`) }).click();
    await loadedViewer(page, 0);
    await loadedViewer(page, 2);
    await inEveryLook(page, async (look) => {
      await page.evaluate(() => scrollTo(0, 0));
      await page.waitForTimeout(600);
      await checkAccess(page, `three results ${look}`);
      await page.screenshot({ path: `${on.shots}/three-${look}.png`, fullPage: true });
    });
  }));
