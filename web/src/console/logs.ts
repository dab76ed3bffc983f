// The logs, newest first, by log, badness, job and words.

import { ServiceError } from '../api/problem';
import { fill, h, setText } from '../ui/dom';
import { notice } from '../ui/notice';
import { signedIn } from '../ui/signed-in';
import { thousands } from '../ui/words';
import { read, type LogEntry, type Page } from './admin';
import { labelled } from './keys';
import { moment } from './parts';
import { makeView, type View } from './view';

const TYPES = ['', 'app', 'error', 'access', 'worker', 'components', 'audit'];
const LEVELS = ['', 'INFO', 'WARN', 'ERROR'];
/** Typing rests so long before it is taken, in milliseconds. */
const REST = 350;

/** So many fields stand beside the words of an entry, these before others; ids are for looking up. */
const FEW = 6;
const FIRST = ['method', 'path', 'status', 'elapsed_ms', 'code', 'error'];
const ID = /^[0-9a-f-]{32,36}$/;
const LONG = 100;

type LogPage = Page<'entries', LogEntry> & { looked_at: number };
/** A page, and what was asked for it. */
type Answer = LogPage & { asked: Record<string, string> };

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
  const older = h('button', { type: 'button', class: 'button button-quiet', hidden: true, 'data-key': 'older', onclick: () => void more() }, 'Show older');
  const trouble = h('div', { class: 'messages' });
  const list = h('ol', { class: 'log-entries' });
  const none = h('p', { class: 'hint', tabindex: -1, role: 'status' });
  /** The last page that is shown. */
  let last: Answer | null = null;
  /** So many entries were looked at for what is shown. */
  let lookedAt = 0;
  /** The page whose next one is on its way. */
  let from: Answer | null = null;
  const query = (): Record<string, string> => ({ type: type.value, level: level.value, q: words.value.trim(), job_id: ofJob.value.trim(), limit: '100' });
  const ask = async (asked: Record<string, string>, cursor = ''): Promise<Answer> => ({ asked, ...(await read<LogPage>('/logs', { ...asked, cursor })) });
  const take = (page: Answer): void => {
    const held = document.activeElement === older;
    last = page;
    older.hidden = page.next_cursor === null;
    fill(trouble);
    const items = page.entries.map(entryItem);
    list.append(...items);
    list.hidden = list.childElementCount === 0;
    none.hidden = !list.hidden;
    lookedAt += page.looked_at;
    setText(none, noneWords(lookedAt, page.next_cursor));
    // Whoever asked for the last of them goes on there.
    if (held && older.hidden) ((items[0] ?? list.lastElementChild)?.querySelector('summary') ?? none).focus();
  };
  const more = async (): Promise<void> => {
    // What a second click wants is on its way.
    if (last === null || from === last) return;
    const mine = (from = last);
    try {
      const page = await signedIn(() => ask(mine.asked, mine.next_cursor ?? ''), 'admin');
      // Another filter may have made another list of it meanwhile.
      if (last === mine) take(page);
    } catch (cause) {
      if (last === mine) fill(trouble, notice('error', cause instanceof ServiceError ? cause.message : 'That did not work. Try again.'));
    } finally {
      if (from === mine) from = null;
    }
  };
  const view = makeView<Answer>({
    id: 'logs', title: 'Logs', hint: 'The newest first.',
    read: () => ask(query()),
    draw: (page) => {
      fill(list);
      lookedAt = 0;
      take(page);
      return [none, list, trouble, older];
    },
  });
  const form = h('form', { class: 'console-form', 'aria-label': 'Filter', role: 'search', onsubmit: (event) => event.preventDefault() },
    labelled('log-type', 'Log', type), labelled('log-level', 'At least', level), labelled('log-words', 'Words', words), labelled('log-job', 'Job', ofJob));
  view.element.insertBefore(form, view.element.lastElementChild);
  return view;
}

/** What stands in the place of entries. A page ends after so many that were looked at, whether one fitted or not. */
export const noneWords = (lookedAt: number, next: string | null): string =>
  (next === null ? 'Nothing was logged that fits.' : `Nothing fits among the newest ${thousands(lookedAt)}; there are older ones.`);

function entryItem(entry: LogEntry): HTMLElement {
  const more = fieldsOf(entry);
  const rank = (name: string): number => (FIRST.indexOf(name) + FIRST.length + 1) % (FIRST.length + 1);
  const short = more.filter(([, value]) => !ID.test(value) && value.length <= LONG).sort(([one], [other]) => rank(one) - rank(other)).slice(0, FEW);
  const words = h('span', { class: 'log-message' }, entry.message, ...short.flatMap(([name, value]) => [' ', h('span', { class: 'log-field' }, h('span', { class: 'log-name' }, `${name} `), value)]));
  return h('li', { 'data-level': entry.level.toLowerCase() },
    h('details', {},
      h('summary', {}, moment(entry.time), h('span', { class: 'log-level' }, entry.level.toLowerCase()), h('span', { class: 'log-source' }, entry.component ?? entry.type), words),
      h('dl', { class: 'log-fields' }, ...more.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))));
}

/** What an entry tells beside its words, in words. */
export function fieldsOf({ fields = {}, request_id, job_id }: Pick<LogEntry, 'fields' | 'request_id' | 'job_id'>): [string, string][] {
  const all = { ...fields, ...(job_id ? { job_id } : {}), ...(request_id ? { request_id } : {}) };
  return Object.entries(all).filter(([, value]) => value !== null && value !== '').map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}
