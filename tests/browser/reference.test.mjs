// The two pages of the API reference, against the running product: nothing from another host, nothing against the policy,
// usable by keyboard and on a phone, and an operation that is tried out. BASE_URL names the product, API_KEY its key.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
// What else wants a product with keys runs with it, against the same one.
import './quickstart.test.mjs';
import './sessions.test.mjs';
import { LIMIT, shoot, stage } from './lib/chromium.mjs';

const { API_KEY } = process.env;
const PHONE = { width: 390, height: 844 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const on = stage();
const visit = (path, view, run) => on.visit({ path, ...view }, ({ page }) => run(page));

async function noSidewaysScrolling(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `the page scrolls sideways by ${overflow} px`);
}

const operation = (page, id) => page.locator(`.opblock[id$="-${id}"]`);

/** The frame around the reference, which is ours. */
async function checkFrame(page, path) {
  // The policy of the pages forbids injected scripts, so axe comes in through the debugger's evaluate.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run('.site-header', { runOnly: ['wcag2a', 'wcag2aa', 'best-practice'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  });
  assert.deepEqual(found, [], path);
}

// Each of the two is opened once: drawing the whole document takes them seconds.
test('in Swagger UI an operation is refused without a key and executed with one; it opens by keyboard and fits a phone', LIMIT, () =>
  visit('/docs', { expected: [/403/] }, async (page) => {
    await page.getByRole('heading', { name: /Image2Model/ }).waitFor();
    await checkFrame(page, '/docs');
    const list = operation(page, 'listJobs');
    await list.locator('.opblock-summary-control').click();
    await list.getByRole('button', { name: 'Execute' }).click();
    await list.locator('.live-responses-table').getByText('NOT_AUTHENTICATED').first().waitFor();

    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const scheme = page.locator('.modal-ux .auth-container').filter({ hasText: /apiKey\s*\(http/ });
    await scheme.locator('input').fill(API_KEY);
    await scheme.getByRole('button', { name: 'Apply credentials' }).click();
    await scheme.getByRole('button', { name: 'Close' }).click();
    await list.getByRole('button', { name: 'Execute' }).click();
    const answer = list.locator('.live-responses-table .response').first();
    await answer.getByText(/next_cursor/).first().waitFor();
    assert.match(await answer.locator('.response-col_status').innerText(), /^200/);
    assert.match(await answer.innerText(), /x-ratelimit-remaining/);
    await list.scrollIntoViewIfNeeded();
    await shoot(page, 'docs-executed');

    await page.setViewportSize(PHONE);
    const control = operation(page, 'getHealth').locator('.opblock-summary-control');
    await control.focus();
    await page.keyboard.press('Enter');
    await operation(page, 'getHealth').getByRole('button', { name: 'Execute' }).waitFor();
    await noSidewaysScrolling(page);
    await shoot(page, 'docs-phone');
  }));

test('Redoc shows every tag, searches, and fits a phone', LIMIT, () =>
  visit('/redoc', {}, async (page) => {
    await page.getByRole('heading', { name: /Image2Model/ }).first().waitFor();
    await checkFrame(page, '/redoc');
    const tags = (await (await page.request.get('/openapi.json')).json()).tags.map(({ name }) => name);
    for (const tag of tags) await page.locator('[role=menuitem], .menu-content li').filter({ hasText: tag }).first().waitFor();
    await page.getByPlaceholder('Search').fill('cancel');
    await page.locator('[data-role="search:results"] [role=menuitem], [data-role="search:results"] li').first().waitFor();
    await shoot(page, 'redoc');
    await page.setViewportSize(PHONE);
    await page.getByRole('heading', { name: /Image2Model/ }).first().waitFor();
    await noSidewaysScrolling(page);
    await shoot(page, 'redoc-phone');
  }));
