// The quick start: what the page shows is run as it stands, in the three languages, against the product it was shown by.
// BASE_URL names the product, API_KEY its key; PYTHON names a Python that has requests.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { checkAccess } from './lib/access.mjs';
import { LIMIT, inEveryLook, shoot, stage } from './lib/chromium.mjs';
import { makePicture } from './lib/picture.mjs';

const on = stage();
const run = promisify(execFile);

const LANGUAGES = [
  { name: 'curl', file: 'start.sh', program: 'bash', made: 'models.zip' },
  { name: 'Python', file: 'start.py', program: process.env.PYTHON ?? 'python3', made: 'chair.jpg.glb' },
  { name: 'JavaScript', file: 'start.mjs', program: process.execPath, made: 'chair.jpg.glb' },
];

test('the code that the page shows works as it stands', LIMIT, async () => {
  const photograph = await makePicture(on.browser, 400, 300, 60);
  const shown = [];
  await on.visit({ path: '/quickstart' }, async ({ page }) => {
    for (const language of LANGUAGES) {
      await page.getByRole('tab', { name: language.name, exact: true }).click();
      await checkAccess(page, `the quick start in ${language.name}`);
      shown.push({ ...language, text: await page.getByRole('tabpanel').locator('pre code').innerText() });
    }
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.getByRole('tab', { name: 'curl' }).getAttribute('aria-selected'), 'true', 'arrow keys go round');
  });
  await Promise.all(shown.map(async ({ name, file, program, made, text }) => {
    assert.ok(text.includes(on.baseUrl), `${name} names this service`);
    const folder = mkdtempSync(join(tmpdir(), 'quickstart-'));
    writeFileSync(join(folder, 'chair.jpg'), photograph);
    writeFileSync(join(folder, file), `${text}\n`);
    const { stdout } = await run(program, [file], { cwd: folder, timeout: LIMIT.timeout });
    const result = readFileSync(join(folder, made));
    const [magic, inside] = made.endsWith('.zip') ? ['PK\x03\x04', 'chair.glb'] : ['glTF', 'glTF'];
    const bytes = result.toString('latin1');
    assert.ok(bytes.startsWith(magic) && bytes.includes(inside), `${name} made ${readdirSync(folder)}: ${stdout}`);
  }));
});

test('the quick start is whole and accessible at every width, in light and dark', LIMIT, () =>
  on.visit({ path: '/quickstart' }, async ({ page }) => {
    await page.getByRole('tab', { name: 'Python' }).click();
    await inEveryLook(page, async (look) => {
      await checkAccess(page, `the quick start ${look}`);
      await shoot(page, `quickstart-${look}`, { fullPage: true });
    });
  }));
