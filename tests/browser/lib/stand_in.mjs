// Visits against the stand-in for the service: a fresh one each, and a clean console at the end.

import assert from 'node:assert/strict';
import { flatten, openPage, stage } from './chromium.mjs';
import { makePicture } from './picture.mjs';
import { startDouble } from './service_double.mjs';

/** What a file of tests against the stand-in stands on: a browser, visits, and three pictures to upload. */
export function standInStage() {
  const pictures = [];
  const on = stage(async ({ browser }) => {
    const files = await Promise.all([[900, 700, 20], [600, 800, 200], [800, 500, 110]].map((size) => makePicture(browser, ...size)));
    pictures.push(...files.map((buffer, index) => ({ name: ['still life.jpg', 'vase.jpg', 'a marble on the sill in the late afternoon.jpg'][index], mimeType: 'image/jpeg', buffer })));
  });
  /** Runs a visit against a fresh double, and demands a clean console at its end. */
  const visit = async (options, view, run) => {
    const double = await startDouble(options);
    const { page, context, troubles } = await openPage(on.browser, double.url, view);
    try {
      if (view.flat) await flatten(context);
      await run({ page, context, double });
      assert.deepEqual(troubles, [], 'the console is clean and no other host was asked');
    } finally {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
      await double.close();
    }
  };
  return { on, pictures, visit };
}

export async function upload(page, files) {
  await page.goto('/upload');
  await page.setInputFiles('#pictures', files);
  await page.getByRole('button', { name: /^Make \d+ models?$/ }).click();
}
