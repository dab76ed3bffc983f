// Starts the system's Chromium with software WebGL, and watches every page for what a visitor would call broken.

import { chromium } from 'playwright-core';

/** `CHROMIUM` names another browser binary. */
export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

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
export async function openPage(browser, baseUrl, { width = 1440, height = 900, scheme = 'light', expected = [] } = {}) {
  const context = await browser.newContext({
    baseURL: baseUrl, viewport: { width, height }, colorScheme: scheme, acceptDownloads: true,
  });
  const page = await context.newPage();
  const troubles = [];
  const note = (line) => expected.some((pattern) => pattern.test(line)) || troubles.push(line);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !SLOW_DRAWING.test(message.text())) note(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (['http:', 'https:'].includes(url.protocol) && url.origin !== new URL(baseUrl).origin) note(`other host: ${url.host}`);
  });
  return { page, context, troubles };
}

/** Resolves with the model viewer once its model is on the screen. */
export async function loadedViewer(page, nth = 0, timeout = 60_000) {
  const viewer = page.locator('model-viewer').nth(nth);
  await viewer.waitFor({ state: 'attached', timeout });
  await viewer.scrollIntoViewIfNeeded();
  await page.waitForFunction((index) => document.querySelectorAll('model-viewer')[index]?.loaded, nth, { timeout });
  return viewer;
}

/** Where the camera of a viewer stands: angles in radians, radius in metres. */
export function cameraOrbit(viewer) {
  return viewer.evaluate((element) => {
    const { theta, phi, radius } = element.getCameraOrbit();
    return { theta, phi, radius };
  });
}

/** Drags across the middle of a viewer. */
export async function dragAcross(page, viewer, distance = 80) {
  const box = await viewer.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x - distance / 2, y);
  await page.mouse.down();
  await page.mouse.move(x + distance / 2, y, { steps: 8 });
  await page.mouse.up();
}
