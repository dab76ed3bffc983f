// The logs, newest first, by log, badness, job and words.

import { fill, h } from '../ui/dom';
import { signedIn } from '../ui/signed-in';
import { read, type LogEntry, type Page } from './admin';
import { labelled } from './keys';
import { moment } from './parts';
import { makeView, type View } from './view';

const TYPES = ['', 'app', 'error', 'access', 'worker', 'components', 'audit'];
const LEVELS = ['', 'INFO', 'WARN', 'ERROR'];
/** Typing rests so long before it is taken, in milliseconds. */
const REST = 350;

/** `job` narrows it to one job. */
export function logs(job = ''): View {
  const select = (id: string, values: readonly string[], all: string): HTMLSelectElement =>
    h('select', { id, class: 'field', onchange: () => view.start() }, ...values.map((value) => h('option', { value }, value === '' ? all : value.toLowerCase())));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => view.start(), REST);
  };
  const type = select('log-type', TYPES, 'Every log');
  const level = select('log-level', LEVELS, 'Everything');
  const words = h('input', { id: 'log-words', class: 'field', type: 'search', maxlength: 200, autocomplete: 'off', oninput: wait });
  const ofJob = h('input', { id: 'log-job', class: 'field', type: 'search', maxlength: 128, autocomplete: 'off', spellcheck: 'false', value: job, oninput: wait });
  const older = h('button', { type: 'button', class: 'button button-quiet', hidden: true, onclick: () => void more() }, 'Show older');
  const list = h('ol', { class: 'log-entries' });
  let cursor: string | null = null;
  const query = (): Record<string, string> => ({ type: type.value, level: level.value, q: words.value.trim(), job_id: ofJob.value.trim(), limit: '100' });
  const take = (page: Page<'entries', LogEntry>): void => {
    cursor = page.next_cursor;
    older.hidden = cursor === null;
    list.append(...page.entries.map(entryItem));
  };
  const more = async (): Promise<void> => take(await signedIn(() => read('/logs', { ...query(), cursor: cursor ?? '' }), 'admin'));
  const view = makeView<Page<'entries', LogEntry>>({
    id: 'logs', title: 'Logs', hint: 'The newest first.',
    read: () => read('/logs', query()),
    draw: (page) => {
      fill(list);
      take(page);
      return [page.entries.length === 0 ? h('p', { class: 'hint' }, 'Nothing was logged that fits.') : list, older];
    },
  });
  const form = h('form', { class: 'console-form', 'aria-label': 'Filter', role: 'search', onsubmit: (event) => event.preventDefault() },
    labelled('log-type', 'Log', type), labelled('log-level', 'At least', level), labelled('log-words', 'Words', words), labelled('log-job', 'Job', ofJob));
  view.element.insertBefore(form, view.element.lastElementChild);
  return view;
}

function entryItem(entry: LogEntry): HTMLElement {
  const more = { ...entry.fields, ...(entry.request_id ? { request_id: entry.request_id } : {}) };
  return h('li', { 'data-level': entry.level.toLowerCase() },
    h('details', {},
      h('summary', {}, moment(entry.time), h('span', { class: 'log-level' }, entry.level.toLowerCase()), h('span', { class: 'hint' }, entry.component ?? entry.type), h('span', { class: 'log-message' }, entry.message)),
      h('pre', { tabindex: 0 }, JSON.stringify(more, null, 2))));
}
