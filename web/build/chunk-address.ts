// `import address from 'chunk-address:some/module'`: the module becomes a chunk of its own, and this is where it is.
// For what a page may have to fetch again: browsers remember that a module could not be had, and `import()` of the same
// address then fails without asking anybody (https://github.com/whatwg/html/issues/6768). It needs another one.

import type { Plugin } from 'vite';

const PREFIX = 'chunk-address:';
const RESOLVED = `\0${PREFIX}`;

/** The plugin; see the head of this file. */
export function chunkAddress(): Plugin {
  let isServed = false;
  return {
    name: 'chunk-address',
    configResolved: ({ command }) => void (isServed = command === 'serve'),
    resolveId: (source) => (source.startsWith(PREFIX) ? `\0${source}` : null),
    load(id) {
      if (!id.startsWith(RESOLVED)) return null;
      const module = id.slice(RESOLVED.length);
      // The development server makes no chunks; it has an address for every module.
      if (isServed) return `export default ${JSON.stringify(`/@id/${module}`)};`;
      const name = module.split('/').at(-1) ?? module;
      return `export default import.meta.ROLLUP_FILE_URL_${this.emitFile({ type: 'chunk', id: module, name })};`;
    },
  };
}
