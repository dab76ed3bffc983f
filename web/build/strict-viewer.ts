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

/** Takes the inline style sheet, the script: link and the repeated landmark out of the template; exports the sheet as a constructed one. */
function moveStyles(code: string): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(code)?.[1];
  if (style === undefined) throw new Error('strict-viewer: model-viewer has no inline style to move');
  const bare = mustReplace(code, /<style>[\s\S]*?<\/style>/, '');
  const linkless = mustReplace(bare, /href="javascript:void\(0\);"/, '');
  // Every viewer names the same landmark; its live status speaks without one.
  const unmarked = mustReplace(linkless, / role="region" aria-label="Live announcements"/, '');
  return `${unmarked}\nexport const viewerStyles = new CSSStyleSheet();\nviewerStyles.replaceSync(${JSON.stringify(style)});\n`;
}

/** Declares the moved sheet as the element's own, which Lit then adopts into every shadow root. */
function adoptStyles(code: string): string {
  const imported = mustReplace(code, /import \{ makeTemplate \} from/, 'import { makeTemplate, viewerStyles } from');
  const opening = 'class ModelViewerElementBase extends ReactiveElement {';
  return mustReplace(imported, new RegExp(opening), `${opening}\n    static styles = [viewerStyles];`);
}

function keepHome(code: string): string {
  return mustReplace(code, /https:\/\/(www\.gstatic\.com|cdn\.jsdelivr\.net)\//g, '/assets/decoders/');
}

/** Files of model-viewer that are changed, and how. */
const CHANGES: Readonly<Record<string, (code: string) => string>> = {
  'template.js': moveStyles,
  'model-viewer-base.js': adoptStyles,
  'features/loading.js': keepHome,
};

/** The plugin; see the head of this file. */
export function strictViewer(): Plugin {
  return {
    name: 'strict-viewer',
    enforce: 'pre',
    resolveId: (source) => (MESHOPT.test(source) ? NO_MESHOPT : null),
    load: (id) => (id === NO_MESHOPT ? 'export const MeshoptDecoder = undefined;' : null),
    transform(code, id) {
      const file = /@google\/model-viewer\/lib\/(.+)$/.exec(id)?.[1] ?? '';
      const change = CHANGES[file];
      return change === undefined ? null : { code: change(code), map: null };
    },
  };
}
