// One job in the list: its pictures, its first file's name, how it stands and when it was made.

import { addresses, pages } from '../api/addresses';
import type { JobStatus, JobSummary } from '../api/types';
import { h } from '../ui/dom';
import { icon } from '../ui/icon';
import { picture } from '../ui/picture';
import { count } from '../ui/words';

const WORDS: Record<JobStatus, string> = {
  pending: 'Waiting', processing: 'Under way', completed: 'Ready', partially_completed: 'Partly ready', failed: 'Failed', cancelled: 'Cancelled',
};

export const isUnderWay = ({ status }: Pick<JobSummary, 'status'>): boolean => status === 'pending' || status === 'processing';

/** Makes the item; `remove` deletes the job. */
export function jobItem(job: JobSummary, remove: () => void): HTMLLIElement {
  const made = new Date(job.created_at);
  const { job_id, pictured_file_ids: files } = job;
  const pictures = files.length === 0
    ? h('div', { class: 'cover is-plain' }, icon('cube'))
    : h('div', { class: 'cover', 'data-count': files.length }, ...files.map((file) => picture({ src: addresses.thumbnail(job_id, file), alt: '', width: 160, height: 120 })));
  return h('li', { class: 'job-item' },
    h('a', { class: 'job-link', href: pages.processing(job.job_id) },
      pictures,
      h('div', { class: 'job-words' },
        h('span', { class: 'job-name' }, titleOf(job)),
        h('span', { class: 'hint' }, h('time', { datetime: job.created_at, title: made.toLocaleString() }, whenWords(made)), `, ${resultWords(job)}`)),
      h('span', { class: 'job-state', 'data-status': job.status }, WORDS[job.status] ?? job.status),
    ),
    h('button', { type: 'button', class: 'icon-button', 'aria-label': `Delete ${titleOf(job)}`, title: 'Delete', onclick: remove }, icon('trash')));
}

/** "vase.jpg and 2 more". */
export function titleOf({ first_filename, total_files }: Pick<JobSummary, 'first_filename' | 'total_files'>): string {
  const name = first_filename || 'Pictures';
  return total_files > 1 ? `${name} and ${total_files - 1} more` : name;
}

/** "2 of 3 models", "1 model"; of a single picture without one "1 picture", as its state is told beside it. */
export function resultWords({ total_files, completed_files }: Pick<JobSummary, 'total_files' | 'completed_files'>): string {
  if (completed_files === total_files) return count(completed_files, 'model');
  return completed_files === 0 && total_files === 1 ? '1 picture' : `${completed_files} of ${count(total_files, 'model')}`;
}

/** When it was made, the nearer the finer: "5 minutes ago", "14:03", "3 Nov 2026". */
export function whenWords(made: Date, now = new Date()): string {
  const minutes = Math.floor((now.getTime() - made.getTime()) / 60_000);
  if (Number.isNaN(minutes)) return 'some time ago';
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${count(minutes, 'minute')} ago`;
  const time = made.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (made.toDateString() === now.toDateString()) return `today, ${time}`;
  const day = made.toLocaleDateString([], { day: 'numeric', month: 'short', year: 'numeric' });
  return `${day}, ${time}`;
}
