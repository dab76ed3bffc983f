// What the pages have in common, kept once in `frame/`: `<!-- frame: NAME -->` stands for `frame/NAME.html`, and with
// `, current: /path` the link that leads there says that this is the page one is on.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';

const FOLDER = resolve(import.meta.dirname, '../frame');
const MARK = /[ \t]*<!-- frame: ([a-z-]+)(?:, current: (\S+))? -->\n/g;

/** The page with its frames in place. A mark that is not understood, one without a file, and a current page that no link
 * leads to are errors. */
export function framed(page: string): string {
  const whole = page.replace(MARK, (_mark, name: string, current: string | undefined) => {
    const frame = readFileSync(resolve(FOLDER, `${name}.html`), 'utf8');
    if (current === undefined) return frame;
    const link = `<a href="${current}">`;
    if (!frame.includes(link)) throw new Error(`frame/${name}.html has no ${link}`);
    return frame.replace(link, `<a href="${current}" aria-current="page">`);
  });
  const left = /<!-- frame[^\n]*/.exec(whole)?.[0];
  if (left !== undefined) throw new Error(`not understood: ${left}`);
  return whole;
}

/** Puts the frames into every page, before anything else reads it. */
export function pageFrame(): Plugin {
  return {
    name: 'page-frame',
    transformIndexHtml: { order: 'pre', handler: framed },
    configureServer(server) {
      server.watcher.add(FOLDER);
      server.watcher.on('change', (path) => {
        if (path.startsWith(FOLDER)) server.ws.send({ type: 'full-reload' });
      });
    },
  };
}
