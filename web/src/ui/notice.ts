// Short messages in a frame: information, warnings and errors, each with its words and, when useful, an action.

import { fill, h } from './dom';
import { icon } from './icon';

export interface Action {
  label: string;
  run: () => void;
}

/** A framed message. Errors are announced at once, the rest politely. */
export function notice(kind: 'info' | 'warning' | 'error', words: string, more: { list?: readonly string[]; action?: Action } = {}): HTMLElement {
  const { list = [], action } = more;
  return h(
    'div',
    { class: `notice notice-${kind}`, role: kind === 'error' ? 'alert' : 'status' },
    kind === 'info' ? null : icon('warning'),
    h('div', { class: 'notice-words' },
      h('p', {}, words),
      list.length > 0 && h('ul', {}, ...list.map((line) => h('li', {}, line))),
    ),
    action && h('button', { type: 'button', class: 'button button-quiet', onclick: action.run }, action.label),
  );
}

/** Shows one notice in a place, or clears the place. */
export function showNotice(place: Element, shown: HTMLElement | null): void {
  fill(place, shown);
}
