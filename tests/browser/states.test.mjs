// The states of the pages that a healthy product does not show, in a real browser against a stand-in for the service: refusals, a
// failing file, a broken stream, an unknown job; and each page whole and accessible at every width. Build web/ first.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { checkAccess } from './lib/access.mjs';
import { LIMIT, inEveryLook, loadedViewer, shoot, tabTo } from './lib/chromium.mjs';
import { startDouble, TRIPO } from './lib/service_double.mjs';
import { standInStage, upload } from './lib/stand_in.mjs';
// The others run with it, in the same browser.
import './console_states.test.mjs';
import './upload_states.test.mjs';

const ASSETS = fileURLToPath(new URL('../../web/dist/assets/', import.meta.url));
/** Compressed bytes of everything but the 3D viewer and the API reference, which are pages and chunks of their own. */
const BUDGET = 150 * 1024;
/** What the stand-in says of a file that it is making: as its state, or as the newest line of its log. */
const UNDER_WAY = /Building the surface|Mesh at \d+ %/;
/** What a row shows once its job's stream has told something: a status answer has no log. */
const STREAMED = /^\d+ log lines?$/;

const { on, pictures, visit } = standInStage();

test('one failing file of three leaves two models and its reason', LIMIT, () =>
  visit({ failing: [1] }, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures);
    await page.getByRole('heading', { name: '2 of 3 models are ready' }).waitFor();
    assert.equal(await page.locator('.model').count(), 2);
    assert.match(await page.locator('.row').innerText(), /vase\.jpg[\s\S]*Failed[\s\S]*found nothing in the picture/);
    assert.equal([...double.jobs.values()][0].faceLimit, null, 'no face limit unless one is chosen');
  }));

test('a broken stream is resumed from its last event, without a lost or doubled row', LIMIT, () =>
  visit({ hold: () => 40 }, { flat: true, expected: [/ERR_INCOMPLETE_CHUNKED_ENCODING|Failed to load resource/] }, async ({ page, double }) => {
    await upload(page, pictures);
    await page.getByText(STREAMED).first().waitFor();
    const [job] = double.jobs.values();
    const opened = () => double.seen.filter(({ path }) => path.includes('/stream/'));
    const before = opened().length;
    job.cut();
    while (opened().length === before) await page.waitForTimeout(50);
    assert.match(opened().at(-1).query.get('last_event_id') ?? '', /^\d+-0$/);
    assert.equal(opened().at(-1).query.get('access_token'), null, 'no token in the address of whoever uploaded it');
    assert.equal(await page.locator('.row').count(), 3);
    job.release();
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
    assert.equal(await page.locator('.row').count(), 0);
    assert.equal(await page.locator('.model').count(), 3);
  }));

test('a long job shows its log on demand and how long it has taken', LIMIT, () =>
  visit({ hold: () => 60 }, { flat: true }, async ({ page }) => {
    await upload(page, pictures.slice(0, 1));
    await page.getByText(STREAMED).click();
    await page.getByText(/Mesh at \d+ %/).first().waitFor();
    await page.getByText(/\d s so far, 40 seconds left|\d s so far, 3\d seconds left/).waitFor();
    await checkAccess(page, 'an open log');
    await shoot(page, 'log');
  }));

test('a model that the service cannot give now is fetched when it is its turn, and one that is gone is said to be', LIMIT, () =>
  visit({}, { expected: [/429/, /404/] }, async ({ page, double }) => {
    let refused = 0;
    const gone = { status: 404, contentType: 'application/problem+json', body: JSON.stringify({ detail: 'The file has been removed.' }) };
    await page.route(/\/model(\?|$)/, (route) => {
      const [, second] = [...double.jobs.values()][0].files;
      if (route.request().url().includes(second.id)) return route.fulfill(gone);
      return refused++ < 1 ? route.fulfill({ status: 429, headers: { 'Retry-After': '1' }, body: '' }) : route.continue();
    });
    await upload(page, pictures.slice(0, 2));
    await page.getByText('Waiting for its turn…').first().waitFor();
    await loadedViewer(page);
    await page.getByText('The file has been removed.').waitFor();
    // The viewer has its model a moment before the stage hears of it.
    await page.locator('.stage.is-ready').first().waitFor();
    assert.equal(await page.locator('.stage.is-ready').count(), 1);
  }));

test('a viewer that did not come is fetched again, though the browser remembers that its address gave nothing', LIMIT, () =>
  visit({}, { expected: [/503|ERR_CONNECTION_RESET/] }, async ({ page }) => {
    const asked = [];
    await page.route(/\/assets\/model-viewer-/, (route) => {
      asked.push(new URL(route.request().url()));
      if (asked.length === 1) return route.fulfill({ status: 503, body: '' });
      return asked.length === 2 ? route.abort('connectionreset') : route.continue();
    });
    await upload(page, pictures.slice(0, 1));
    await page.getByText('Waiting for its turn…').first().waitFor();
    await loadedViewer(page);
    assert.equal(new Set(asked.map(({ pathname }) => pathname)).size, 1);
    assert.deepEqual(asked.map(({ search }) => search), ['', '?again=1', '?again=2']);
  }));

test('a download that the service refuses for the moment waits and says so; one that is gone is said to be', LIMIT, () =>
  visit({}, { flat: true, expected: [/429/, /404/] }, async ({ page }) => {
    await upload(page, pictures.slice(0, 1));
    const link = page.getByRole('link', { name: 'Download still life as GLB' });
    await link.waitFor();
    const answers = [429];
    const ask = (status) => ({ status, headers: { 'Retry-After': '1' }, body: '' });
    // The page asks so before it has the browser fetch the file.
    await page.route(/\/(model|all)\b/, (route) => (route.request().method() === 'HEAD' && answers.length > 0 ? route.fulfill(ask(answers.shift())) : route.continue()));
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('The download begins by itself').waitFor(), link.click()]);
    assert.equal(download.suggestedFilename(), 'still life.glb');
    await page.getByText('The download begins by itself').waitFor({ state: 'detached' });
    answers.push(404);
    await page.getByRole('link', { name: 'Download all (ZIP)' }).click();
    await page.getByText('This file has been removed.').waitFor();
    await checkAccess(page, 'a download that failed');
    await shoot(page, 'download-gone');
  }));

test('the wheel turns the page, also over a model', LIMIT, () =>
  visit({}, {}, async ({ page }) => {
    await upload(page, pictures.slice(0, 1));
    const viewer = await loadedViewer(page);
    await page.setViewportSize({ width: 900, height: 400 });
    await page.evaluate(() => scrollTo(0, 0));
    await viewer.scrollIntoViewIfNeeded();
    const before = await page.evaluate(() => scrollY);
    await viewer.hover();
    await page.mouse.wheel(0, 300);
    await page.waitForFunction((from) => scrollY > from, before);
  }));

test('one of many is cancelled after a question, and the keyboard keeps its place', LIMIT, () =>
  visit({ hold: () => 40 }, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures);
    await page.getByText(UNDER_WAY).first().waitFor();
    const cross = page.locator('.row').first().getByRole('button', { name: /^Cancel / });
    await cross.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
    assert.ok(await cross.evaluate((button) => button === document.activeElement), 'back where it came from');
    const [job] = double.jobs.values();
    assert.ok(job.files.every(({ status }) => status !== 'cancelled'));
    await cross.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
    await page.getByText('Stopped before a model was made.').waitFor();
    assert.ok(await page.evaluate(() => document.activeElement.classList.contains('row')), 'its row has the keyboard now');
  }));

test('failed files are tried again, one or all, and the job goes on where it stands', LIMIT, () =>
  visit({ failing: [0, 1] }, { flat: true }, async ({ page }) => {
    await upload(page, pictures);
    await page.getByRole('heading', { name: '1 of 3 models are ready' }).waitFor();
    await page.getByRole('button', { name: 'Try again: vase.jpg' }).click();
    await page.getByRole('heading', { name: '2 of 3 models are ready' }).waitFor();
    await page.getByRole('button', { name: 'Try again: still life.jpg' }).click();
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
    assert.equal(await page.locator('.model').count(), 3);
    assert.equal(await page.locator('.row').count(), 0);
  }));

test('a double click on “Try again” wants one thing, and gets it', LIMIT, () =>
  visit({ failing: [1] }, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures.slice(0, 2));
    await page.getByRole('heading', { name: '1 of 2 models are ready' }).waitFor();
    await page.getByRole('button', { name: 'Try again: vase.jpg' }).dblclick();
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
    assert.equal(await page.getByRole('alert').count(), 0, 'nothing went wrong');
    assert.equal(double.seen.filter(({ path }) => path.endsWith('/retry')).length, 1);
  }));

test('trying again is offered where it may help, and only there', LIMIT, () =>
  visit({ failing: [0, 1], refused: [2] }, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures);
    await page.getByRole('heading', { name: 'No model could be made' }).waitFor();
    await page.getByText('does not make models of such pictures. Another photograph may do better.').waitFor();
    assert.equal(await page.getByRole('button', { name: /^Try again: / }).count(), 2);
    await checkAccess(page, 'failures of two kinds');
    await shoot(page, 'failures');
    await page.getByRole('button', { name: 'Try 2 failed again' }).click();
    await page.getByRole('heading', { name: '2 of 3 models are ready' }).waitFor();
    assert.deepEqual([...double.jobs.values()][0].files.map(({ restarts }) => restarts), [1, 1, 0]);
  }));

test('who goes offline is told at once that the models are made all the same', LIMIT, () =>
  visit({ hold: () => 40 }, { flat: true, expected: [/ERR_INTERNET_DISCONNECTED/] }, async ({ page, context, double }) => {
    await upload(page, pictures.slice(0, 1));
    await page.getByText(UNDER_WAY).waitFor();
    await context.setOffline(true);
    await page.getByText('You are offline. Your models are made all the same').waitFor();
    assert.equal(await page.locator('.link-state').isVisible(), false, 'and nothing else is said of the connection');
    await context.setOffline(false);
    await page.getByText('You are offline.').waitFor({ state: 'detached' });
    [...double.jobs.values()][0].release();
    await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
  }));

test('cancelling keeps what is ready', LIMIT, () =>
  visit({ hold: (index) => (index === 0 ? Infinity : 50) }, { flat: true }, async ({ page }) => {
    await upload(page, pictures);
    await page.locator('.model').waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText('2 pictures will get no model').waitFor();
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByRole('heading', { name: '1 of 3 models are ready' }).waitFor();
    assert.equal(await page.locator('.row[data-status=cancelled]').count(), 2);
    await page.waitForFunction(() => document.activeElement === document.querySelector('h1'), null, { polling: 50 });
  }));

test('with several models installed one is chosen, with its own options', LIMIT, () => {
  const plain = { id: 'plain', name: 'Plain shapes', typical_seconds: 5, prices: [{ label: 'a model', cents: 5 }], options_schema: { properties: {} } };
  return visit({ models: [TRIPO, plain] }, { flat: true }, async ({ page }) => {
    await page.goto('/upload');
    await page.setInputFiles('#pictures', pictures.slice(0, 2));
    await page.getByLabel('Model', { exact: true }).selectOption('plain');
    await page.getByText('$0.10').waitFor();
    assert.equal(await page.getByRole('radio', { name: /^HD/ }).count(), 0);
    await checkAccess(page, 'the choice of a model');
  });
});

test('a choice that the other model does not have leaves its own', LIMIT, () => {
  const texture = { ...TRIPO.options_schema.properties.texture, enum: ['no', 'standard'] };
  const seed = { ...TRIPO.options_schema.properties.seed, maximum: 100 };
  const other = { ...TRIPO, id: 'other', name: 'Other shapes', options_schema: { properties: { texture, seed } } };
  return visit({ models: [TRIPO, other] }, { flat: true }, async ({ page }) => {
    await page.goto('/upload');
    await page.getByRole('radio', { name: /^HD/ }).check();
    await page.getByText('More options').click();
    await page.getByLabel('Seed').fill('101');
    await page.getByLabel('Model', { exact: true }).selectOption('other');
    await page.getByRole('radio', { name: /^HD/ }).waitFor({ state: 'detached' });
    assert.ok(await page.getByRole('radio', { name: /^Standard/ }).isChecked());
    assert.equal(await page.getByLabel('Seed').inputValue(), '', 'a number that is too large here');
  });
});

test('a phone offers its camera', LIMIT, async () => {
  const double = await startDouble({});
  const context = await on.browser.newContext({ baseURL: double.url, viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  try {
    const page = await context.newPage();
    await page.goto('/upload');
    await page.getByText('Take a picture').waitFor();
    assert.equal(await page.locator('#camera').getAttribute('capture'), 'environment');
    await page.setInputFiles('#camera', pictures[0]);
    await page.setInputFiles('#camera', pictures[1]);
    await page.getByRole('button', { name: 'Make 2 models' }).waitFor();
    await checkAccess(page, 'the upload page of a phone');
    await shoot(page, 'phone', { fullPage: true });
  } finally {
    await context.close();
    await double.close();
  }
});

test('the list of jobs goes on page by page, asks for a key, and says when it is empty', LIMIT, () =>
  visit({ key: 'open-sesame' }, { expected: [/403/] }, async ({ page, double }) => {
    await page.goto('/results');
    await page.getByLabel('API key').fill('open-sesame');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByText('No models yet').waitFor();
    await checkAccess(page, 'an empty list of jobs');
    await shoot(page, 'jobs-empty');
    await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      for (let number = 0; number < 25; number++) {
        const form = new FormData();
        form.append('files', new File([bytes], `number ${number}.jpg`, { type: 'image/jpeg' }));
        await fetch('/api/v1/upload', { method: 'POST', body: form });
      }
    }, pictures[0].buffer.toString('base64'));
    assert.equal(double.jobs.size, 25);
    await page.reload();
    await page.getByText('number 24.jpg').waitFor();
    assert.equal(await page.locator('.job-item').count(), 20);
    await page.getByRole('button', { name: 'Show older' }).click();
    await page.getByText('number 0.jpg').waitFor();
    assert.equal(await page.locator('.job-item').count(), 25);
    assert.equal(await page.getByRole('button', { name: 'Show older' }).count(), 0);
  }));

test('a reload in the middle finds the same rows and pictures again', LIMIT, () =>
  visit({ hold: () => 50 }, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures);
    await page.getByText(UNDER_WAY).first().waitFor();
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await page.getByText(UNDER_WAY).first().waitFor();
    assert.equal(await page.locator('.row').count(), 3);
    await page.waitForFunction(() => [...document.querySelectorAll('.row img')].every((image) => image.naturalWidth > 0));
    [...double.jobs.values()][0].release();
    await page.getByRole('heading', { name: 'Your 3 models are ready' }).waitFor();
  }));

test('a task id leads to its job, as the original addresses did', LIMIT, () =>
  visit({}, { flat: true }, async ({ page, double }) => {
    await upload(page, pictures.slice(0, 1));
    await page.waitForURL(/\/processing/);
    await page.evaluate(() => sessionStorage.clear());
    const [id] = double.jobs.keys();
    await page.goto(`/processing?taskId=task-${id}`);
    await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get('job'), id);
  }));

test('what the server refuses is told beside the picture, in its words', LIMIT, () => {
  const refuse = {
    status: 400, detail: 'One file was refused.', error_code: 'FILE_VALIDATION_ERROR',
    details: { errors: [{ filename: 'vase.jpg', index: 1, code: 'TRUNCATED', message: 'The image ends before its data does.' }] },
  };
  return visit({ refuse }, { flat: true, expected: [/400/] }, async ({ page }) => {
    await upload(page, pictures);
    const tile = page.locator('.picture.is-refused');
    await tile.getByText('The image ends before its data does.').waitFor();
    assert.match(await tile.innerText(), /vase\.jpg/);
    await page.getByRole('alert').filter({ hasText: 'One file was refused.' }).waitFor();
    const remove = tile.getByRole('button', { name: 'Remove vase.jpg' });
    assert.ok(await remove.evaluate((button) => button === document.activeElement), 'the keyboard is at what is to be done');
    await shoot(page, 'refused');
    await remove.click();
    await page.getByRole('button', { name: 'Make 2 models' }).click();
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
  });
});

test('a busy server is named with its wait, and the same upload can be tried again', LIMIT, () => {
  const refuse = { status: 503, detail: 'Too many files are waiting.', error_code: 'QUEUE_FULL', headers: { 'Retry-After': '7' } };
  return visit({ refuse }, { flat: true, expected: [/503/] }, async ({ page, double }) => {
    await upload(page, pictures.slice(0, 1));
    await page.getByText('Too many files are waiting. Try again in 7 seconds.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Make 1 model', 'the button has the keyboard again');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForURL(/\/processing/);
    const keys = double.seen.filter(({ path }) => path === '/api/v1/upload').map(({ headers }) => headers['idempotency-key']);
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1], 'the second try is the same upload');
  });
});

test('files that break the rules never leave the page', LIMIT, () =>
  visit({}, {}, async ({ page, double }) => {
    await page.goto('/upload');
    await page.setInputFiles('#pictures', [
      { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('these are notes') },
      { name: 'empty.png', mimeType: 'image/png', buffer: Buffer.alloc(0) },
      { name: 'half.jpg', mimeType: 'image/jpeg', buffer: pictures[0].buffer.subarray(0, 40) },
      pictures[0], pictures[0],
    ]);
    const told = page.locator('.workbench-pictures .notice');
    await told.getByText('3 files left out:').waitFor();
    for (const words of ['notes.jpg: The content is not', 'empty.png: The file is empty', 'half.jpg: The picture is damaged']) await told.getByText(words).waitFor();
    assert.equal(await page.locator('.picture').count(), 2, 'the same picture may be there twice');
    await page.setInputFiles('#pictures', Array(25).fill(pictures[1]));
    await told.getByText('2 files left out:').waitFor();
    assert.equal(await page.locator('.picture').count(), 25);
    await shoot(page, 'full', { fullPage: true });
    assert.equal(double.seen.filter(({ path }) => path.startsWith('/api/v1/upload')).length, 0);
  }));

test('on a phone the words about files left out are brought into view, and spoken', LIMIT, () =>
  visit({}, { width: 360, height: 640 }, async ({ page }) => {
    await page.goto('/upload');
    await page.setInputFiles('#pictures', [...pictures, { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('these are notes') }]);
    const words = page.locator('.workbench-pictures').getByText('1 file left out:');
    await words.waitFor();
    await page.waitForFunction(() => {
      const { top, bottom } = document.querySelector('.workbench-pictures .notice').getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    });
    await page.getByText('3 pictures added, 3 in all. 1 file left out: notes.txt: Only JPEG and PNG').waitFor({ state: 'attached' });
    await checkAccess(page, 'files left out on a phone');
  }));

test('what has the keyboard is not covered by the row of the button', LIMIT, () =>
  visit({}, { width: 1366, height: 768 }, async ({ page }) => {
    await page.goto('/upload');
    await page.setInputFiles('#pictures', pictures);
    await page.getByRole('button', { name: 'Make 3 models' }).waitFor();
    await page.getByText('More options').click();
    for (const height of [768, 900]) {
      await page.setViewportSize({ width: 1366, height });
      await page.evaluate(() => scrollTo(0, 0));
      await page.getByRole('radio', { name: /Automatic/ }).focus();
      for (let press = 0; press < 20; press++) {
        await page.keyboard.press(press < 10 ? 'Tab' : 'Shift+Tab');
        const covered = await page.evaluate(() => {
          const held = document.activeElement.closest('label') ?? document.activeElement;
          const { x, y, width, height: high } = held.getBoundingClientRect();
          const hit = document.elementFromPoint(x + width / 2, y + high / 2);
          return held !== document.body && !held.contains(hit) ? held.textContent : null;
        });
        assert.equal(covered, null, `at ${height} pixels, press ${press}`);
      }
    }
  }));

test('an upload while offline keeps the pictures, and is offered again once online', LIMIT, () =>
  visit({}, { flat: true, expected: [/ERR_INTERNET_DISCONNECTED/] }, async ({ page, context }) => {
    await page.goto('/upload');
    await page.setInputFiles('#pictures', pictures.slice(0, 2));
    await page.getByRole('button', { name: 'Make 2 models' }).waitFor();
    await context.setOffline(true);
    await page.getByRole('button', { name: 'Make 2 models' }).click();
    await page.getByRole('alert').filter({ hasText: 'You seem to be offline. Your pictures are kept' }).waitFor();
    assert.equal(await page.locator('.picture').count(), 2);
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Send them now' }).click();
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
  }));

test('a slow service is told from a broken one, and nothing moves for whoever wants it still', LIMIT, () =>
  visit({ hold: () => 50 }, { flat: true }, async ({ page, double }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await upload(page, pictures.slice(0, 1));
    await page.getByText(UNDER_WAY).waitFor();
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
    let answer;
    const held = new Promise((released) => (answer = released));
    await page.route(/\/api\/v1\/status\/[^/]+$/, async (route) => {
      await held;
      await route.continue();
    });
    await page.clock.install();
    await page.reload();
    await page.getByRole('heading', { name: 'Finding your models…' }).waitFor();
    await checkAccess(page, 'the loading page');
    await page.clock.fastForward(4500);
    await page.getByText('This takes longer than usual.').waitFor();
    answer();
    await page.getByText(UNDER_WAY).waitFor();
    [...double.jobs.values()][0].release();
  }));

test('an unknown job and an unknown address say so', LIMIT, () =>
  visit({}, { expected: [/404/] }, async ({ page }) => {
    await page.goto('/processing?job=00000000-0000-4000-8000-000000000000');
    await page.getByRole('heading', { name: 'These models are not here' }).waitFor();
    await page.getByText('They may have been deleted').waitFor();
    await page.getByRole('main').getByRole('link', { name: 'Your models' }).waitFor();
    await checkAccess(page, 'the unknown job');
    await page.goto('/nowhere');
    await page.getByText('/nowhere').waitFor();
    await checkAccess(page, 'the not-found page');
    await shoot(page, 'not-found');
  }));

test('the pages stay within their budget, and the 3D viewer is fetched only when a model is there', LIMIT, () =>
  visit({ hold: () => 50 }, { flat: true }, async ({ page, double }) => {
    const light = readdirSync(ASSETS).filter((name) => !/^(model-viewer|reference)/.test(name));
    const bytes = light.reduce((sum, name) => sum + gzipSync(readFileSync(ASSETS + name)).length, 0);
    assert.ok(bytes <= BUDGET, `${bytes} bytes before the viewer`);
    const fetched = [];
    page.on('request', (request) => fetched.push(request.url()));
    await upload(page, pictures.slice(0, 1));
    await page.getByText(UNDER_WAY).waitFor();
    assert.ok(!fetched.some((url) => url.includes('model-viewer')), 'no viewer while nothing can be shown');
    [...double.jobs.values()][0].release();
    await page.locator('model-viewer').waitFor({ state: 'attached' });
    assert.ok(fetched.some((url) => url.includes('model-viewer')));
  }));

test('the way to a model goes by keyboard alone', LIMIT, () =>
  visit({}, { flat: true }, async ({ page, double }) => {
    await page.goto('/');
    // Asked for early: the browser has to be told to hand its file dialog over before the key is pressed.
    const chooser = page.waitForEvent('filechooser');
    await tabTo(page, /^pictures$/);
    await page.keyboard.press('Enter');
    await (await chooser).setFiles(pictures[0]);
    await page.getByRole('button', { name: 'Make 1 model' }).waitFor();
    await page.getByRole('radio', { name: /Automatic/ }).focus();
    await page.keyboard.press('ArrowDown');
    await tabTo(page, /^Make 1 model$/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
    assert.equal([...double.jobs.values()][0].faceLimit, '10000');
  }));

test('every page is whole and accessible at every width, in light and dark', LIMIT, () =>
  visit({ hold: (index) => (index === 0 ? Infinity : 60), failing: [1], simulated: true }, {}, async ({ page, double }) => {
    const look = (name) => inEveryLook(page, async (how) => {
      await checkAccess(page, `${name} ${how}`);
      await shoot(page, `${name}-${how}`, { fullPage: true });
    });
    await page.goto('/');
    await page.getByText('Models are made by a simulator').waitFor();
    await look('upload-empty');
    await page.setInputFiles('#pictures', pictures);
    await page.waitForFunction(() => [...document.querySelectorAll('.picture-frame img')].filter((image) => image.naturalWidth > 0).length === 3);
    await look('upload');
    await page.getByRole('button', { name: 'Make 3 models' }).click();
    await page.getByText('Failed', { exact: true }).waitFor();
    await loadedViewer(page);
    await page.evaluate(() => scrollTo(0, 0));
    await look('processing');
    [...double.jobs.values()][0].release();
    await page.getByRole('heading', { name: '2 of 3 models are ready' }).waitFor();
    await loadedViewer(page, 1);
    await page.evaluate(() => scrollTo(0, 0));
    await look('results');
  }));
