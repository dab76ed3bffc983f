// What views are made of: tables, each row a card where there is no room for them, facts in tiles, states in pills,
// buttons that act.

import { ServiceError } from '../api/problem';
import { announce } from '../ui/announce';
import { h } from '../ui/dom';
import { signedIn } from '../ui/signed-in';
import { elapsed } from '../ui/words';

export type Cell = Node | string | number | null;

/**
 * A table with a name; `numeric` are the columns that are set to the right. Where it is all that its view has, the view's title
 * names it already: it is `alone`.
 */
export function table(name: string, heads: readonly string[], rows: readonly (readonly Cell[])[], numeric: readonly number[] = [], alone = false): HTMLElement {
  if (rows.length === 0) return h('p', { class: 'hint' }, `${name}: none.`);
  const side = (column: number): Record<string, string> => (numeric.includes(column) ? { class: 'is-number' } : {});
  const cell = (value: Cell, column: number): HTMLElement =>
    h('td', { role: 'cell', 'data-head': heads[column] ?? '', ...side(column) }, value === null ? '–' : typeof value === 'number' ? String(value) : value);
  // The roles are what these elements are anyway, until the style sheet of a narrow page lays them out as no table.
  return h('div', { class: 'table-frame', role: 'region', 'aria-label': name, 'data-name': name, tabindex: 0 },
    h('table', { role: 'table' }, h('caption', alone ? { class: 'visually-hidden' } : {}, name),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads.map((head, column) => h('th', { role: 'columnheader', scope: 'col', ...side(column) }, head)))),
      h('tbody', { role: 'rowgroup' }, ...rows.map((row) => h('tr', { role: 'row' }, ...row.map(cell))))));
}

/** A number or word with what it counts. */
export const tile = (value: string | number, name: string, tone: 'good' | 'warn' | 'bad' | '' = '', went: readonly number[] = []): HTMLElement =>
  h('div', { class: 'tile', 'data-tone': tone }, h('dt', {}, name), h('dd', {}, String(value), line(went)));

/** How a number went lately, drawn in its tile; the words beside it say how it stands. */
export function line(values: readonly number[]): SVGSVGElement | null {
  if (values.length < 2) return null;
  const most = Math.max(...values, 1);
  const points = values.map((value, index) => `${((index / (values.length - 1)) * 100).toFixed(1)},${(27 - (value / most) * 24).toFixed(1)}`);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [name, value] of Object.entries({ viewBox: '0 0 100 28', preserveAspectRatio: 'none', class: 'tile-line', 'aria-hidden': 'true' })) svg.setAttribute(name, value);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  path.setAttribute('points', points.join(' '));
  svg.append(path);
  return svg;
}

export const pill = (state: string): HTMLElement => h('span', { class: 'job-state', 'data-status': state }, state.replaceAll('_', ' '));

/** A moment: its time, and its day on demand. */
export function moment(text: string | null | undefined): HTMLElement | string {
  const time = new Date(text ?? '');
  if (Number.isNaN(time.getTime())) return '–';
  return h('time', { datetime: time.toISOString(), title: time.toLocaleString(), class: 'moment' }, time.toLocaleString([], { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }));
}

export const seconds = (number: number): string => (number > 0 ? elapsed(number) : '–');

/** A button that does something at the service, and says so; `done` runs afterwards. */
export function actionButton(words: string, name: string, work: () => Promise<{ message?: string } | void>, done: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'button button-quiet button-small', 'aria-label': name, 'data-key': name, onclick: () => void act() }, words);
  const act = async (): Promise<void> => {
    button.disabled = true;
    try {
      const answer = await signedIn(work, 'admin');
      announce(answer?.message ?? `${name}: done.`);
      done();
    } catch (cause) {
      button.textContent = cause instanceof ServiceError ? cause.message : 'That did not work';
      announce(button.textContent);
    } finally {
      button.disabled = false;
    }
  };
  return button;
}
