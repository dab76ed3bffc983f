// The caller's jobs: newest first, a page at a time, found by file name and by state; those under way are kept true.

import { listJobs } from '../api/client';
import { ServiceError } from '../api/problem';
import type { JobList, JobSummary } from '../api/types';
import { deleteJob } from '../progress/delete-job';
import { announce } from '../ui/announce';
import { fill, h, setText } from '../ui/dom';
import { keyForm } from '../ui/key-form';
import { notice } from '../ui/notice';
import { signedIn } from '../ui/signed-in';
import { count } from '../ui/words';
import { foundNothing, loadingRows, noJobsYet } from './empty';
import { Filters } from './filters';
import { isUnderWay, jobItem } from './job-item';

/** Jobs on a page, and at most in one answer. */
const PAGE = 20;
const MOST = 100;
/** While something is under way the shown jobs are read again so often, in milliseconds. */
const REFRESH = 15_000;

export class HistoryView {
  readonly element: HTMLElement;
  readonly #filters = new Filters(() => void this.load());
  readonly #list = h('ul', { class: 'jobs', 'aria-label': 'Jobs' });
  readonly #state = h('div', { class: 'messages' });
  readonly #more = h('button', { type: 'button', class: 'button button-quiet', hidden: true, onclick: () => void this.#next() }, 'Show older');
  readonly #signal: AbortSignal;
  #jobs: JobSummary[] = [];
  #cursor: string | null = null;
  #asking: AbortController | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.element = h('section', { class: 'history' }, h('h1', {}, 'Your models'), this.#filters.element, this.#state, this.#list, h('p', {}, this.#more));
    const timer = setInterval(() => void this.#refresh(), REFRESH);
    signal.addEventListener('abort', () => clearInterval(timer));
  }

  /** Reads the first page anew. */
  async load(): Promise<void> {
    this.#more.hidden = true;
    fill(this.#state);
    fill(this.#list, ...loadingRows());
    this.#list.setAttribute('aria-busy', 'true');
    this.#jobs = [];
    await this.#ask(null, PAGE);
  }

  async #next(): Promise<void> {
    this.#more.disabled = true;
    const before = this.#jobs.length;
    await this.#ask(this.#cursor, PAGE);
    this.#more.disabled = false;
    announce(`${count(this.#jobs.length - before, 'more job')}.`);
    (this.#list.children[before]?.querySelector('a') ?? this.#more).focus();
  }

  async #ask(cursor: string | null, limit: number): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const query = { ...this.#filters.query(), limit: String(limit), ...(cursor === null ? {} : { cursor }) };
      const read = (): Promise<JobList> => listJobs(query, AbortSignal.any([asking.signal, this.#signal]));
      // Older ones are asked for from amid a list, which stays as it is should the session have ended.
      const page = await (cursor === null ? read() : signedIn(read));
      this.#jobs = [...(cursor === null ? [] : this.#jobs), ...page.jobs];
      this.#cursor = page.next_cursor;
      this.#show();
    } catch (cause) {
      if (!asking.signal.aborted && !this.#signal.aborted) this.#explain(cause);
    }
  }

  #show(): void {
    this.#list.removeAttribute('aria-busy');
    fill(this.#list, ...this.#jobs.map((job) => this.#item(job)));
    this.#more.hidden = this.#cursor === null;
    // A filter that few jobs pass may leave a page empty though there are older ones to look through.
    setText(this.#more, this.#jobs.length === 0 ? 'Look further back' : 'Show older');
    this.#filters.element.hidden = this.#jobs.length === 0 && !this.#filters.isSet;
    fill(this.#state, this.#jobs.length > 0 ? null : this.#filters.isSet ? foundNothing(() => this.#filters.clear()) : noJobsYet());
    if (this.#filters.isSet) announce(`${count(this.#jobs.length, 'job')} found.`);
  }

  #item(job: JobSummary): HTMLLIElement {
    return jobItem(job, () => void this.#delete(job));
  }

  async #delete(job: JobSummary): Promise<void> {
    try {
      const words = await deleteJob(job.job_id, job.completed_files, isUnderWay(job));
      if (words === null) return;
      const index = this.#jobs.findIndex(({ job_id }) => job_id === job.job_id);
      this.#jobs = this.#jobs.filter(({ job_id }) => job_id !== job.job_id);
      this.#show();
      announce(words);
      (this.#list.children[Math.min(index, this.#jobs.length - 1)]?.querySelector('a') ?? this.element.querySelector('input'))?.focus();
    } catch (cause) {
      fill(this.#state, notice('error', cause instanceof ServiceError ? cause.message : 'That did not work. Try again.'));
    }
  }

  /** Keeps jobs under way true, without moving anything under the reader's eyes or fingers. */
  async #refresh(): Promise<void> {
    const idle = document.hidden || !this.#jobs.some(isUnderWay) || this.#asking === null;
    if (idle || this.#jobs.length > MOST) return;
    try {
      const { jobs } = await listJobs({ ...this.#filters.query(), limit: String(Math.max(PAGE, this.#jobs.length)) }, this.#signal);
      const news = new Map(jobs.map((job) => [job.job_id, job]));
      this.#jobs.forEach((job, index) => {
        const now = news.get(job.job_id);
        if (!now || JSON.stringify(now) === JSON.stringify(job)) return;
        this.#jobs[index] = now;
        const item = this.#list.children[index];
        const held = item?.contains(document.activeElement);
        const fresh = this.#item(now);
        item?.replaceWith(fresh);
        if (held) fresh.querySelector('a')?.focus();
      });
    } catch {
      // The next round may do better; what is shown stays.
    }
  }

  #explain(cause: unknown): void {
    this.#list.removeAttribute('aria-busy');
    fill(this.#list);
    const error = cause instanceof ServiceError ? cause : new ServiceError('Something went wrong in this page. Reload it and try again.');
    if (error.needsKey) return fill(this.#state, h('div', { class: 'narrow' }, keyForm(error, () => void this.load())));
    fill(this.#state, notice('error', error.message, { action: { label: 'Try again', run: () => void this.load() } }));
  }
}
