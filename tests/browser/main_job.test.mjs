// The main job in a real browser, against the running product: a photograph in, a model turned by hand, a GLB out.
// BASE_URL names the product and PHOTO a real JPEG; SCREENSHOT_DIR receives the pictures that the README shows.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { before, test } from 'node:test';
// The others run with it, in the same browser and against the same product.
import './console.test.mjs';
import './flows.test.mjs';
import './resilience.test.mjs';
import { LIMIT, cameraOrbit, dragAcross, loadedViewer, shoot, shootForReadme, stage, tabTo } from './lib/chromium.mjs';

const { PHOTO } = process.env;
const on = stage();

before(() => assert.ok(PHOTO, 'PHOTO must name a JPEG file'));

test('a photograph becomes a model that turns in the hand', LIMIT, () => on.visit({ path: '/' }, async ({ page }) => {
  await page.setInputFiles('#pictures', PHOTO);
  await page.getByText(basename(PHOTO)).waitFor();
  await page.waitForFunction(() => document.querySelector('.picture-frame img')?.naturalWidth > 0);
  await shootForReadme(page, 'upload');

  await page.getByRole('button', { name: 'Make 1 model' }).click();
  await page.waitForURL(/\/processing\?job=/);
  await page.getByRole('progressbar').first().waitFor();
  await shootForReadme(page, 'processing');

  await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
  const viewer = await loadedViewer(page);
  const turned = async (turn) => {
    const { theta } = await cameraOrbit(viewer);
    await turn();
    await page.waitForFunction((before) => Math.abs(document.querySelector('model-viewer').getCameraOrbit().theta - before) > 0.1, theta);
  };
  await turned(() => dragAcross(page, viewer));
  await shootForReadme(page, 'results');
  await tabTo(page, /^model-viewer$/);
  await turned(() => page.keyboard.press('ArrowRight'));

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

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.evaluate(() => scrollTo(0, 0));
  await shoot(page, 'phone-result');

  await page.reload();
  await page.getByRole('heading', { name: 'Your model is ready' }).waitFor();
  assert.equal(await page.locator('.model').count(), 1, 'a reload shows the same one model');
}));
