// Build step that makes <model-viewer> obey the pages' Content-Security-Policy and stay on this host:
// its inline <style> becomes a constructed stylesheet, its script: link goes, its decoder addresses become
// local, and the WebAssembly mesh decoder (which it never calls unless told to) is left out.
// Every replacement must find its target, so an upgrade that moves one fails the build.

import type { Plugin } from 'vite';

const MESHOPT = /three\/examples\/jsm\/libs\/meshopt_decoder\.module\.js$/;
const NO_MESHOPT = '\0no-meshopt';

/** Replaces every occurrence, and throws when there is none. */
function mustReplace(code: string, target: RegExp, replacement: string): string {
  if (code.search(target) < 0) throw new Error(`strict-viewer: ${target} not found in model-viewer`);
  return code.replace(target, () => replacement);
}

/** Moves the template's inline style sheet into `adoptedStyleSheets`. */
function adoptStyles(code: string): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(code)?.[1];
  if (style === undefined) throw new Error('strict-viewer: model-viewer has no inline style to move');
  const bare = mustReplace(code, /<style>[\s\S]*?<\/style>/, '');
  const linkless = mustReplace(bare, /href="javascript:void\(0\);"/, '');
  const sheet = `const sheet = new CSSStyleSheet();\nsheet.replaceSync(${JSON.stringify(style)});\n`;
  const adopt = 'render(templateResult, shadowRoot);\n    shadowRoot.adoptedStyleSheets = [sheet];';
  return sheet + mustReplace(linkless, /render\(templateResult, shadowRoot\);/, adopt);
}

/** The plugin; see the head of this file. */
export function strictViewer(): Plugin {
  return {
    name: 'strict-viewer',
    enforce: 'pre',
    resolveId: (source) => (MESHOPT.test(source) ? NO_MESHOPT : null),
    load: (id) => (id === NO_MESHOPT ? 'export const MeshoptDecoder = undefined;' : null),
    transform(code, id) {
      if (id.endsWith('@google/model-viewer/lib/template.js')) return { code: adoptStyles(code), map: null };
      if (id.endsWith('@google/model-viewer/lib/features/loading.js')) {
        return { code: mustReplace(code, /https:\/\/(www\.gstatic\.com|cdn\.jsdelivr\.net)\//g, '/assets/decoders/'), map: null };
      }
      return null;
    },
  };
}
