// Build step that keeps Redoc on this host: the logo that it fetches from its makers' network is replaced by nothing, and
// the words beside it keep naming them. Its two style elements are named by digest in the policy of its page
// (components/web/src/reference.rs), and a browser test sees that they still fit. What it would load under Node only is empty.

import type { Plugin } from 'vite';

const LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NO_MODULE = '\0no-module';
const NOTHING = 'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E';

/** The plugin; see the head of this file. */
export function strictRedoc(): Plugin {
  return {
    name: 'strict-redoc',
    enforce: 'pre',
    resolveId: (source, importer) => (source === 'null' && importer?.includes('/redoc/bundles/') ? NO_MODULE : null),
    load: (id) => (id === NO_MODULE ? 'export default {};' : null),
    transform(code, id) {
      if (!id.includes('/redoc/bundles/redoc.standalone.js')) return null;
      if (!code.includes(LOGO)) throw new Error('strict-redoc: the logo is not where it was');
      return { code: code.replaceAll(LOGO, NOTHING), map: null };
    },
  };
}
