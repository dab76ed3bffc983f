// Everybody's jobs, and one job with everything that happened to it.

import { pages } from '../api/addresses';
import { h } from '../ui/dom';
import { pagesOf, read, type JobHistory, type ListedJob, type Page } from './admin';
import { labelled } from './keys';
import { moment, pill, table } from './parts';
import { makeView, type View } from './view';

const STATES = ['', 'pending', 'processing', 'completed', 'partially_completed', 'failed', 'cancelled'];
/** Jobs on a page. */
const PAGE = 50;
/** Typing rests so long before it is taken, in milliseconds. */
const REST = 350;

export function jobs(): View {
  let shown = PAGE;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (): void => {
    shown = PAGE;
    view.start();
  };
  const state = h('select', { id: 'jobs-state', class: 'field', onchange: again }, ...STATES.map((value) => h('option', { value }, value === '' ? 'All' : value.replaceAll('_', ' '))));
  const name = h('input', { id: 'jobs-name', class: 'field', type: 'search', maxlength: 255, autocomplete: 'off', oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(again, REST);
  } });
  const older = h('button', { type: 'button', class: 'button button-quiet', 'data-key': 'older', onclick: () => {
    shown += PAGE;
    view.start();
  } }, 'Show older');
  const view = makeView<Page<'jobs', ListedJob>>({
    id: 'jobs', title: 'Jobs', hint: 'Everybody’s, the newest first. A job’s id leads to all that happened to it.', every: 10_000,
    read: () => {
      const query = { status: state.value, filename: name.value.trim(), limit: String(PAGE) };
      return pagesOf('jobs', (cursor) => read<Page<'jobs', ListedJob>>('/admin/jobs', { ...query, cursor }), shown, PAGE);
    },
    draw: ({ jobs: all, next_cursor }) => [table('Jobs', ['Job', 'First file', 'Files', 'State', 'Made', 'Tenant'], all.map((job) => [
      h('a', { href: `#jobs/${job.job_id}`, 'data-key': job.job_id }, job.job_id.slice(0, 8)), job.first_filename,
      `${job.completed_files} of ${job.total_files}`, pill(job.status), moment(job.created_at), h('code', { title: job.tenant }, short(job.tenant)),
    ]), [2], true), next_cursor === null ? null : h('p', {}, older)],
  });
  const form = h('form', { class: 'console-form', 'aria-label': 'Filter', role: 'search', onsubmit: (event) => event.preventDefault() },
    labelled('jobs-name', 'File name', name), labelled('jobs-state', 'State', state));
  view.element.insertBefore(form, view.element.lastElementChild);
  return view;
}

/** One job's timeline. */
export function history(job: string): View {
  return makeView<JobHistory>({
    id: 'history', title: `Job ${job.slice(0, 8)}`, hint: 'Every event, the oldest first.', every: 10_000,
    read: () => read(`/admin/jobs/${encodeURIComponent(job)}`),
    draw: ({ status, events, files, created_at }) => [
      h('p', { class: 'with-button' }, pill(status), moment(created_at), h('a', { href: '#jobs' }, 'All jobs'), h('a', { href: pages.processing(job) }, 'The job’s page'), h('a', { href: `#logs/${job}` }, 'Its log')),
      table('Files', ['File', 'State', 'Progress', 'Failed attempts', 'Reason'], files.map((file) =>
        [file.filename, pill(file.status), `${file.progress} %`, file.attempts ?? 0, file.error?.message ?? null]), [2, 3]),
      h('h3', {}, 'Timeline'),
      h('ol', { class: 'timeline' }, ...events.map((event) => h('li', { 'data-type': event.type, 'data-status': event.status ?? '' },
        moment(event.timestamp), h('span', { class: 'timeline-words' }, h('b', {}, event.type === 'job' ? `job ${event.status ?? ''}` : (event.status ?? event.type)), ' ', event.filename ?? '', ' ', h('span', { class: 'hint' }, event.error ?? event.message ?? ''))))),
    ],
  });
}

const short = (tenant: string): string => (tenant.length > 14 ? `${tenant.slice(0, 12)}…` : tenant);
