// Everybody's jobs, and one job with everything that happened to it.

import { pages } from '../api/addresses';
import { h } from '../ui/dom';
import { read, type JobHistory, type ListedJob, type Page } from './admin';
import { moment, pill, table } from './parts';
import { makeView, type View } from './view';

export function jobs(): View {
  return makeView<Page<'jobs', ListedJob>>({
    id: 'jobs', title: 'Jobs', hint: 'The newest fifty of all tenants. A job’s id leads to its history.', every: 10_000,
    read: () => read('/admin/jobs', { limit: '50' }),
    draw: ({ jobs: all }) => [table('Jobs', ['Job', 'First file', 'Files', 'State', 'Made', 'Tenant'], all.map((job) => [
      h('a', { href: `#jobs/${job.job_id}`, 'data-key': job.job_id }, job.job_id.slice(0, 8)), job.first_filename,
      `${job.completed_files} of ${job.total_files}`, pill(job.status), moment(job.created_at), h('code', { title: job.tenant }, short(job.tenant)),
    ]), [2])],
  });
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
      h('ol', { class: 'timeline' }, ...events.map((event) => h('li', { 'data-type': event.type },
        moment(event.timestamp), h('span', { class: 'timeline-words' }, h('b', {}, event.type === 'job' ? `job ${event.status ?? ''}` : (event.status ?? event.type)), ' ', event.filename ?? '', ' ', h('span', { class: 'hint' }, event.error ?? event.message ?? ''))))),
    ],
  });
}

const short = (tenant: string): string => (tenant.length > 14 ? `${tenant.slice(0, 12)}…` : tenant);
