// Which jobs are shown: by part of a file name and by state. Both stand in the page's address, so that they survive a
// reload and can be bookmarked.

import type { JobStatus } from '../api/types';
import { h } from '../ui/dom';
import { icon } from '../ui/icon';

/** Typing rests so long before it is taken, in milliseconds. */
const REST = 350;

const STATES: readonly [JobStatus | '', string][] = [
  ['', 'All'], ['pending', 'Waiting'], ['processing', 'Under way'], ['completed', 'Ready'],
  ['partially_completed', 'Partly ready'], ['failed', 'Failed'], ['cancelled', 'Cancelled'],
];

export class Filters {
  readonly element: HTMLElement;
  readonly #name: HTMLInputElement;
  readonly #state: HTMLSelectElement;
  readonly #changed: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: () => void) {
    const asked = new URLSearchParams(location.search);
    this.#changed = changed;
    this.#name = h('input', { id: 'filter-name', class: 'field', type: 'search', maxlength: 255, placeholder: 'File name', autocomplete: 'off', spellcheck: 'false', value: asked.get('filename') ?? '', oninput: () => this.#wait() });
    this.#state = h('select', { id: 'filter-state', class: 'field', onchange: () => this.#take() },
      ...STATES.map(([value, words]) => h('option', { value, selected: value === (asked.get('status') ?? '') }, words)));
    const submit = (event: Event): void => {
      event.preventDefault();
      this.#take();
    };
    this.element = h('form', { class: 'filters', role: 'search', 'aria-label': 'Jobs', onsubmit: submit },
      h('div', { class: 'filter-name' }, icon('search'), h('label', { class: 'visually-hidden', for: 'filter-name' }, 'Search by file name'), this.#name),
      h('label', { class: 'visually-hidden', for: 'filter-state' }, 'State'), this.#state);
  }

  get isSet(): boolean {
    return Object.keys(this.query()).length > 0;
  }

  /** As the service is asked. */
  query(): Record<string, string> {
    const [filename, status] = [this.#name.value.trim(), this.#state.value];
    return { ...(filename === '' ? {} : { filename }), ...(status === '' ? {} : { status }) };
  }

  clear(): void {
    this.#name.value = '';
    this.#state.value = '';
    this.#take();
    this.#name.focus();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#take(), REST);
  }

  #take(): void {
    clearTimeout(this.#timer);
    const query = new URLSearchParams(this.query()).toString();
    history.replaceState(null, '', query === '' ? location.pathname : `${location.pathname}?${query}`);
    this.#changed();
  }
}
