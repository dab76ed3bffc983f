// One view of the console: reads, draws, and reads again while it is looked at. What has not changed is not drawn anew, and
// what is drawn anew keeps the keyboard where it was.

import { ServiceError } from '../api/problem';
import { fill, h } from '../ui/dom';
import { keyForm } from '../ui/key-form';
import { notice } from '../ui/notice';

export interface ViewOptions<T> {
  /** Its name in the address, and in the list of views. */
  id: string;
  title: string;
  hint: string;
  read: () => Promise<T>;
  draw: (data: T) => (Node | null)[];
  /** Milliseconds between two readings; none when it is read once. */
  every?: number;
}

export interface View {
  id: string;
  title: string;
  element: HTMLElement;
  /** Reads now, and from now on; nothing once it was stopped, as what was begun in it may end later. */
  start: () => void;
  /** For good. */
  stop: () => void;
}

export function makeView<T>({ id, title, hint, read, draw, every }: ViewOptions<T>): View {
  const body = h('div', { class: 'view-body' });
  const trouble = h('div', { class: 'messages' });
  const element = h('section', { class: 'view' }, h('h2', { tabindex: -1 }, title), h('p', { class: 'hint' }, hint), trouble, body);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let drawn = '';
  let round = 0;
  let stopped = false;
  const look = async (): Promise<void> => {
    if (stopped) return;
    // However it came about, there is one next reading.
    clearTimeout(timer);
    const mine = ++round;
    try {
      const data = document.hidden && drawn !== '' ? null : await read();
      if (mine !== round) return;
      const now = JSON.stringify(data);
      fill(trouble);
      if (data !== null && now !== drawn) keepFocus(body, () => fill(body, ...draw(data)));
      if (data !== null) drawn = now;
    } catch (cause) {
      if (mine !== round) return;
      explain(cause);
      if (cause instanceof ServiceError && cause.needsKey) return;
    }
    if (every !== undefined) timer = setTimeout(() => void look(), every);
  };
  const explain = (cause: unknown): void => {
    const error = cause instanceof ServiceError ? cause : new ServiceError('Something went wrong in this page. Reload it and try again.');
    const again = (): void => void look();
    if (!error.needsKey) return fill(trouble, notice('error', error.message, { action: { label: 'Try again', run: again } }));
    fill(body);
    drawn = '';
    fill(trouble, h('div', { class: 'narrow' }, keyForm(error, again, 'admin')));
  };
  return {
    id, title, element,
    start() {
      if (drawn === '') fill(body, h('p', { class: 'hint', role: 'status' }, 'Reading…'));
      void look();
    },
    stop() {
      stopped = true;
      round += 1;
      clearTimeout(timer);
    },
  };
}

/** Draws, and gives the focus back to what has the same `data-key` afterwards. */
function keepFocus(body: HTMLElement, paint: () => void): void {
  const held = document.activeElement instanceof HTMLElement && body.contains(document.activeElement) ? document.activeElement.dataset['key'] : undefined;
  paint();
  if (held === undefined) return;
  [...body.querySelectorAll<HTMLElement>('[data-key]')].find((element) => element.dataset['key'] === held)?.focus();
}
