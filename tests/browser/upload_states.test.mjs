// Uploads that are interrupted, against a stand-in for the service: what has left cannot be taken back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAccess } from './lib/access.mjs';
import { LIMIT } from './lib/chromium.mjs';
import { standInStage, upload } from './lib/stand_in.mjs';

const { pictures, visit } = standInStage();

test('what has left whole is not cancelled any more, as the service goes on with it', LIMIT, () => {
  let answer;
  const until = new Promise((resolve) => (answer = resolve));
  return visit({ until }, { flat: true }, async ({ page }) => {
    await upload(page, pictures.slice(0, 2));
    await page.getByText('Sent. The pictures are being checked…').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Cancel', exact: true }).count(), 0);
    assert.match(await page.evaluate(() => document.activeElement.textContent), /^Sent\./, 'the keyboard is where the button was');
    await checkAccess(page, 'an upload that is being checked');
    answer();
    await page.getByRole('heading', { name: 'Your 2 models are ready' }).waitFor();
  });
});
