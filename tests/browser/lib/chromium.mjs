// Starts the system's Chromium with software WebGL, and watches every page for what a visitor would call broken.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** `CHROMIUM` names another browser binary. */
export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** How long anything may take, in milliseconds: a machine that draws models without a graphics card beside other work is slow. */
const PATIENCE = 120_000;

/** Of one test. A file's tests share it. */
export const LIMIT = { timeout: 600_000 };

/** Software WebGL and the viewer report the slowness of drawing without a GPU: the machine's, not the page's. */
const SLOW_DRAWING = /GPU stall|GL Driver Message|rAF timed out/;

export function launch() {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
  });
}

/**
 * Opens a page and collects its troubles: console errors and warnings, uncaught errors, requests to any other host.
 * `expected` are patterns of console lines that the test itself provokes.
 */
export async function openPage(browser, baseUrl, { width = 1440, height = 900, scheme = 'light', device = {}, expected = [] } = {}) {
  const context = await browser.newContext({
    baseURL: baseUrl, viewport: { width, height }, colorScheme: scheme, acceptDownloads: true, ...device,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const troubles = [];
  const note = (line, where = '') => expected.some((pattern) => pattern.test(line)) || troubles.push(`${line} ${where}`.trim());
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !SLOW_DRAWING.test(message.text())) note(`${message.type()}: ${message.text()}`, message.location().url);
  });
  page.on('pageerror', (error) => note(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (['http:', 'https:'].includes(url.protocol) && url.origin !== new URL(baseUrl).origin) note(`other host: ${url.host}`);
  });
  return { page, context, troubles };
}

/** A view as of a phone that can put models into the room. */
export const PHONE = {
  width: 390, height: 844,
  device: {
    isMobile: true, hasTouch: true,
    userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  },
};

/** From now on the phone's own viewer is not begun: `room` tells which program was called, with the address of which model. */
export const recordRooms = (page) => page.evaluate(() => {
  HTMLAnchorElement.prototype.click = function click() {
    const [app, query] = this.href.split('#')[0].split('?');
    globalThis.room = { app, model: new URLSearchParams(query).get('file') };
  };
});

/** One browser for all files of tests that run together. */
let shared = null;

/**
 * What a file of tests stands on: a browser, and visits of the product that BASE_URL names, each of which has to leave a clean
 * console and ask no other host. `prepare` runs once the browser is there, before the first test.
 */
export function stage(prepare = async () => {}) {
  const on = {
    browser: null,
    baseUrl: process.env.BASE_URL,
    async visit(view, run) {
      assert.ok(on.baseUrl, 'BASE_URL must name the running product, like http://127.0.0.1:3000');
      const { page, context, troubles } = await openPage(on.browser, view.through ?? on.baseUrl, view);
      try {
        if (view.flat) await flatten(context);
        if (view.path) await page.goto(view.path);
        await run({ page, context });
        assert.deepEqual(troubles, [], 'the console is clean and no other host was asked');
      } finally {
        // An answer that a test is still changing is nobody's any more.
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        await context.close();
      }
    },
  };
  before(async () => {
    on.browser = await (shared ??= launch());
    await prepare(on);
  });
  after(async () => {
    const open = shared;
    shared = null;
    await (await open)?.close();
  });
  return on;
}

/** Where nobody looks at the models, none is drawn: a machine without a graphics card takes seconds for each. */
export const flatten = (context) =>
  context.route('**/assets/model-viewer-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: 'export {};' }));

const SHOTS = resolve(process.env.SCREENSHOT_DIR ?? fileURLToPath(new URL('../test-results/', import.meta.url)));

/** Keeps a picture of what is seen, when SCREENSHOTS asks for one of every state. */
export async function shoot(page, name, options = {}) {
  if (!process.env.SCREENSHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${name}.png`, ...options });
}

/** Keeps a picture for the README, in SCREENSHOT_DIR: as JPEG, a quarter of the same as PNG. */
export async function shootForReadme(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${name}.jpg`, type: 'jpeg', quality: 82 });
}

const LOOKS = [[390, 844], [768, 1024], [1440, 900]];

/** Colours on their way from one to another are nobody's. */
export const settle = (page) =>
  page.evaluate(() => document.getAnimations().filter((one) => one instanceof CSSTransition).forEach((one) => one.finish()));

async function lookAt(page, scheme, [width, height], run) {
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize({ width, height });
  await settle(page);
  await run(`${width}-${scheme}`);
}

/** Every width and scheme that the pages are looked at in, one after the other, on one page: it is loaded once. */
export async function inEveryLook(page, run) {
  for (const scheme of ['light', 'dark']) for (const size of LOOKS) await lookAt(page, scheme, size, run);
}

/** The two ends of them: where the state of a page, and not the page, is looked at. */
export async function inTwoLooks(page, run) {
  await lookAt(page, 'light', LOOKS[0], run);
  await lookAt(page, 'dark', LOOKS[2], run);
}

/** Whether nothing that a script of the page can read has this text in it. */
export async function keepsNo(page, secret) {
  const kept = await page.evaluate(async () => {
    const databases = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((opened) => Object.assign(indexedDB.open(name), { onsuccess: (event) => opened(event.target.result) }));
      for (const store of database.objectStoreNames) {
        const all = database.transaction(store).objectStore(store).getAll();
        databases.push(await new Promise((read) => (all.onsuccess = () => read(all.result))));
      }
      database.close();
    }
    return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, databases, document.documentElement.outerHTML, [...document.querySelectorAll('input')].map(({ value }) => value)]);
  });
  assert.ok(!kept.includes(secret), 'the page keeps the secret');
}

/** Resolves with the model viewer once its model is on the screen. */
export async function loadedViewer(page, nth = 0, timeout = PATIENCE) {
  const place = page.locator('.stage').nth(nth);
  await place.waitFor({ state: 'attached', timeout });
  // It is fetched once it is about to be seen.
  await place.scrollIntoViewIfNeeded();
  const viewer = place.locator('model-viewer');
  await viewer.waitFor({ state: 'attached', timeout });
  await page.waitForFunction((index) => document.querySelectorAll('.stage')[index]?.querySelector('model-viewer')?.loaded, nth, { timeout });
  return viewer;
}

/** Where the camera of a viewer stands: angles in radians, radius in metres. */
export function cameraOrbit(viewer) {
  return viewer.evaluate((element) => {
    const { theta, phi, radius } = element.getCameraOrbit();
    return { theta, phi, radius };
  });
}

/** Presses Tab until what has the focus is called so: by its id, its words or, a viewer, its kind. */
export async function tabTo(page, wanted) {
  const focused = () => page.evaluate(() => {
    const { id, textContent, localName } = document.activeElement;
    return id || (localName === 'model-viewer' ? localName : textContent || localName);
  });
  for (let press = 0; press < 30 && !wanted.test(await focused()); press++) await page.keyboard.press('Tab');
  assert.match(await focused(), wanted);
}

/** Drags across the middle of a viewer, once that stands still, in view and with nothing over it. */
export async function dragAcross(page, viewer, distance = 80) {
  await viewer.hover();
  const box = await viewer.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x - distance / 2, y);
  await page.mouse.down();
  await page.mouse.move(x + distance / 2, y, { steps: 8 });
  await page.mouse.up();
}
