// The console's readings, against a stand-in for the service: how often it asks, and what comes late or not at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMIT } from './lib/chromium.mjs';
import { standInStage } from './lib/stand_in.mjs';

const { visit } = standInStage();
/** A view that is looked at reads again after so many milliseconds. */
const EVERY = 10_000;

const json = (route, body, status = 200) => route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) });

test('a view reads once a round whatever was done in it, and no more once it was left', LIMIT, () =>
  visit({}, {}, async ({ page }) => {
    let asked = 0;
    await page.route('**/api/v1/admin/keys*', (route) => json(route, { keys: [], next_cursor: null }));
    await page.route('**/api/v1/admin/jobs*', (route) => {
      asked += 1;
      return json(route, { jobs: [], next_cursor: null });
    });
    /** How many questions there are until some time after all timers of a round have run. */
    const round = async () => {
      const before = asked;
      await page.clock.fastForward(EVERY + 1000);
      await page.waitForTimeout(500);
      return asked - before;
    };
    await page.clock.install();
    await page.goto('/console#jobs');
    await page.getByText('Jobs: none.').waitFor();
    for (const state of ['failed', 'completed', 'pending']) {
      await Promise.all([page.waitForResponse((answer) => answer.url().includes(`status=${state}`)), page.getByLabel('State').selectOption(state)]);
    }
    assert.equal(await round(), 1);
    assert.equal(await round(), 1);
    // What was typed last is taken after a rest, which is over only when the view has been left.
    await page.getByLabel('File name').fill('chair');
    await page.getByRole('link', { name: 'Keys' }).click();
    await page.getByText('Keys: none.').waitFor();
    assert.equal(await round(), 0);
    assert.equal(await round(), 0);
  }));
