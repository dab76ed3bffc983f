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

test('older entries of the log come once, belong to the filter that is set, and say when they do not come', LIMIT, () =>
  visit({}, { expected: [/500/] }, async ({ page }) => {
    const entry = (id) => ({ id, time: '2026-01-15T09:30:00.000Z', type: 'app', level: 'INFO', message: `entry ${id}` });
    const answers = [];
    await page.route('**/api/v1/logs?*', (route) => {
      const { searchParams: query } = new URL(route.request().url());
      if (query.has('cursor')) return answers.push((body, status) => json(route, body, status));
      return json(route, { entries: [entry(query.get('level') ?? 'newest')], looked_at: 1, next_cursor: 'older' });
    });
    const texts = () => page.locator('.log-message').allInnerTexts();
    const asked = async (number) => {
      while (answers.length < number) await page.waitForTimeout(20);
    };
    await page.goto('/console#logs');
    const older = page.getByRole('button', { name: 'Show older' });
    await older.dblclick();
    await asked(1);
    await answers[0]({ entries: [entry('second')], next_cursor: 'oldest' });
    await page.getByText('entry second').waitFor();
    assert.equal(answers.length, 1);

    await older.click();
    await asked(2);
    await page.getByLabel('At least').selectOption('WARN');
    await page.getByText('entry WARN').waitFor();
    await answers[1]({ entries: [entry('of another filter')], next_cursor: null });
    await page.waitForTimeout(300);
    assert.deepEqual(await texts(), ['entry WARN']);

    await older.click();
    await asked(3);
    await answers[2]({ detail: 'The log cannot be read now.' }, 500);
    await page.getByRole('alert').filter({ hasText: 'The log cannot be read now.' }).waitFor();
    await older.click();
    await asked(4);
    await answers[3]({ entries: [entry('last')], next_cursor: null });
    await page.getByText('entry last').waitFor();
    assert.deepEqual(await texts(), ['entry WARN', 'entry last']);
    assert.equal(await page.getByRole('alert').count(), 0);
    assert.equal(await older.count(), 0);
  }));

test('entries of the log that fit are found behind a page of none, and the keyboard goes on at them', LIMIT, () =>
  visit({}, {}, async ({ page }) => {
    const found = { id: '1-0', time: '2026-01-15T09:30:00.000Z', type: 'app', level: 'INFO', message: 'what was looked for' };
    await page.route('**/api/v1/logs?*', (route) =>
      json(route, new URL(route.request().url()).searchParams.has('cursor')
        ? { entries: [found], looked_at: 7, next_cursor: null }
        : { entries: [], looked_at: 10_000, next_cursor: 'older' }));
    await page.goto('/console#logs');
    await page.getByText(/^Nothing fits among the newest 10.000; there are older ones\.$/).waitFor();
    await page.getByRole('button', { name: 'Show older' }).click();
    await page.getByText('what was looked for').waitFor();
    assert.equal(await page.getByText(/^Nothing /).isVisible(), false);
    assert.match(await page.evaluate(() => document.activeElement.textContent), /what was looked for/);
  }));
