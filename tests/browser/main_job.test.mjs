// The main job in a real browser, against the running product: a photograph in, a model turned by hand, a GLB out.
// BASE_URL names the product and PHOTO a real JPEG; SCREENSHOT_DIR receives the pictures that the README shows.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
// The other flows run with it, against the same product.
import './console.test.mjs';
import './flows.test.mjs';
import './resilience.test.mjs';
import { cameraOrbit, dragAcross, launch, loadedViewer, openPage } from './lib/chromium.mjs';

const { BASE_URL, PHOTO } = process.env;
const SCREENSHOTS = resolve(process.env.SCREENSHOT_DIR ?? fileURLToPath(new URL('../../docs/images/', import.meta.url)));
/** Longest wait for one model, in milliseconds. */
const PATIENCE = Number(process.env.MODEL_TIMEOUT_MS ?? 120_000);

let browser;

before(async () => {
  assert.ok(BASE_URL, 'BASE_URL must name the running product, like http://127.0.0.1:3000');
  assert.ok(PHOTO, 'PHOTO must name a JPEG file');
  mkdirSync(SCREENSHOTS, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

const shot = (page, name) => page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });

test('a photograph becomes a model that turns in the hand', { timeout: PATIENCE + 120_000 }, async () => {
  const { page, context, troubles } = await openPage(browser, BASE_URL);

  await page.goto('/');
  await page.setInputFiles('#pictures', PHOTO);
  await page.getByText(basename(PHOTO)).waitFor();
  await page.waitForFunction(() => document.querySelector('.picture-frame img')?.naturalWidth > 0);
  await shot(page, 'upload');

  await page.getByRole('button', { name: 'Make 1 model' }).click();
  await page.waitForURL(/\/processing\?job=/);
  await page.getByRole('progressbar').first().waitFor();
  await shot(page, 'processing');

  await page.getByRole('heading', { name: 'Your model is ready' }).waitFor({ timeout: PATIENCE });
  const viewer = await loadedViewer(page);
  const before = await cameraOrbit(viewer);
  await dragAcross(page, viewer);
  await page.waitForFunction(
    (theta) => Math.abs(document.querySelector('model-viewer').getCameraOrbit().theta - theta) > 0.1,
    before.theta,
  );
  await shot(page, 'results');

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: /^Download .* as GLB$/ }).click(),
  ]);
  const model = readFileSync(await download.path());
  assert.equal(model.toString('latin1', 0, 4), 'glTF', 'the download begins with the GLB magic');
  assert.equal(model.readUInt32LE(8), model.length, 'the GLB is whole');

  const [archive] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download all (ZIP)' }).click(),
  ]);
  assert.equal(readFileSync(await archive.path()).toString('latin1', 0, 4), 'PK\x03\x04', 'the archive is a ZIP');

  await page.reload();
  await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
  await loadedViewer(page);
  assert.equal(await page.locator('.model').count(), 1, 'a reload shows the same one model');
  assert.deepEqual(troubles, [], 'the console is clean and no other host was asked');
  await context.close();
});
