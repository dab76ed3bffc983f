// The samples as tabs (arrow keys move between them), each with its code, how it is run, and a button that copies it.

import { announce } from '../ui/announce';
import { h } from '../ui/dom';

export interface Sample {
  id: string;
  title: string;
  /** The name the code would be kept under. */
  file: string;
  /** The line that runs it. */
  run: string;
  text: string;
}

/** The address that stands in the files, in whose place the page's own is shown. */
const ADDRESS = 'http://127.0.0.1:3000';
const KEPT = 'image2model.language';

export function samples(all: readonly Sample[], origin: string): HTMLElement {
  const tabs = all.map((sample) => h('button', {
    type: 'button', role: 'tab', id: `tab-${sample.id}`, class: 'tab', 'aria-controls': `sample-${sample.id}`, onclick: () => choose(sample.id),
  }, sample.title));
  const panels = all.map((sample) => panelOf(sample, origin));
  const choose = (id: string, focus = false): void => {
    all.forEach((sample, index) => {
      const chosen = sample.id === id;
      tabs[index]?.setAttribute('aria-selected', String(chosen));
      tabs[index]?.setAttribute('tabindex', chosen ? '0' : '-1');
      panels[index]?.toggleAttribute('hidden', !chosen);
      if (chosen && focus) tabs[index]?.focus();
    });
    remember(id);
  };
  const move = (event: Event): void => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[(event as KeyboardEvent).key];
    if (by === undefined) return;
    const at = tabs.findIndex((tab) => tab === document.activeElement);
    const next = all[(at + by + all.length) % all.length];
    if (next) choose(next.id, true);
  };
  const element = h('div', { class: 'samples' },
    h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Language', onkeydown: move }, ...tabs), ...panels);
  choose(all.some(({ id }) => id === remembered()) ? remembered() : (all[0]?.id ?? ''));
  return element;
}

function panelOf({ id, title, file, run, text }: Sample, origin: string): HTMLElement {
  const shown = text.trimEnd().replaceAll(ADDRESS, origin);
  const copy = h('button', { type: 'button', class: 'button button-quiet', 'aria-label': `Copy the ${title} code`, onclick: () => void copied(shown, code, copy) }, 'Copy');
  const code = h('code', {}, ...lines(shown));
  return h('div', { id: `sample-${id}`, class: 'sample', role: 'tabpanel', 'aria-labelledby': `tab-${id}` },
    h('div', { class: 'sample-head' }, h('span', { class: 'hint' }, h('b', {}, file), ' ', h('code', {}, run)), copy),
    h('pre', { tabindex: 0, 'aria-label': `${title} code` }, code));
}

/** The lines as they are; remarks a little quieter. */
function lines(text: string): Node[] {
  return text.split('\n').flatMap((line, index) => {
    const isRemark = /^\s*(#|\/\/)/.test(line);
    return [index === 0 ? '' : '\n', isRemark ? h('span', { class: 'remark' }, line) : line].map((part) => (typeof part === 'string' ? document.createTextNode(part) : part));
  });
}

async function copied(text: string, code: HTMLElement, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain-HTTP addresses have no clipboard: the selected code can be copied by hand.
    getSelection()?.selectAllChildren(code);
    button.textContent = 'Press Ctrl+C';
    return;
  }
  button.textContent = 'Copied';
  announce('The code was copied.');
  setTimeout(() => (button.textContent = 'Copy'), 2000);
}

function remembered(): string {
  try {
    return localStorage.getItem(KEPT) ?? '';
  } catch {
    return '';
  }
}

function remember(id: string): void {
  try {
    localStorage.setItem(KEPT, id);
  } catch {
    // The next visit begins with the first language again.
  }
}
