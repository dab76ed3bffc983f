// A ZIP of models as a browser saves it. BASE_URL names the product, ARCHIVE the address, SAVE_AS the file to write.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMIT, launch, openPage } from './lib/chromium.mjs';

const { BASE_URL, ARCHIVE, SAVE_AS } = process.env;

test('the archive is saved whole, under its own name', LIMIT, async () => {
  const browser = await launch();
  try {
    const { page, troubles } = await openPage(browser, BASE_URL);
    await page.goto('/');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.evaluate((address) => { location.href = address; }, ARCHIVE),
    ]);
    await download.saveAs(SAVE_AS);
    assert.equal(await download.failure(), null);
    assert.match(download.suggestedFilename(), /^models_[0-9a-f]{32}\.zip$/);
    assert.deepEqual(troubles, []);
  } finally {
    await browser.close();
  }
});
