// What can be done with a job: cancel it or be notified while it runs; download, share, try again and delete afterwards.

import { addresses, pages } from '../api/addresses';
import { cancelFile, cancelJob, retryFiles } from '../api/client';
import { ServiceError } from '../api/problem';
import { accessToken } from '../api/session';
import { makePatient } from '../results/patient-link';
import type { Selection } from '../results/selection';
import { ShareButton } from '../results/share';
import { announce } from '../ui/announce';
import { confirmed } from '../ui/confirm';
import { deleteJob } from './delete-job';
import { fill, h, setText } from '../ui/dom';
import { isFocusLost } from '../ui/focus';
import { icon } from '../ui/icon';
import { notice } from '../ui/notice';
import { signedIn } from '../ui/signed-in';
import { count } from '../ui/words';
import { isWorthATry } from './failure';
import type { JobState } from './job-state';
import { NotifyButton } from './notify';
import { titleOf } from './summary';

export class JobActions {
  readonly element: HTMLElement;
  readonly #job: string;
  readonly #selection: Selection;
  readonly #again: () => void;
  readonly #leave: () => void;
  /** Whoever came by a shared link looks, and changes nothing. */
  readonly #isGuest: boolean;
  readonly #messages = h('div', { class: 'messages' });
  readonly #zip: HTMLAnchorElement;
  readonly #another = h('a', { class: 'button button-quiet', href: pages.upload }, icon('add'), 'Make another');
  readonly #retryWords = h('span', {});
  readonly #retry: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #delete: HTMLButtonElement;
  readonly #share: ShareButton;
  readonly #notify = new NotifyButton();
  #state: JobState | null = null;
  /** The failed files that may do better. */
  #worthATry: string[] = [];
  /** Failures that were told to be tried again, each a file and how often it had begun anew: a second click wants nothing else. */
  readonly #asked = new Set<string>();
  /** Null until the first state: whoever opens a finished job is not notified of it. */
  #ended: boolean | null = null;

  /** `again` as in JobView; `leave` takes the keyboard from a button that goes. */
  constructor(job: string, selection: Selection, again: () => void, leave: () => void) {
    this.#job = job;
    this.#selection = selection;
    this.#again = again;
    this.#leave = leave;
    this.#isGuest = accessToken(job) !== null;
    this.#zip = h('a', { class: 'button button-primary', href: addresses.zip(job), download: '' }, icon('archive'), 'Download all (ZIP)');
    makePatient(this.#zip, this.#messages);
    this.#retry = h('button', { type: 'button', class: 'button button-quiet', onclick: () => void this.retry(this.#worthATry) }, icon('retry'), this.#retryWords);
    this.#cancel = h('button', { type: 'button', class: 'button button-quiet', onclick: () => void this.#stop() }, icon('stop'), 'Cancel');
    this.#delete = h('button', { type: 'button', class: 'button button-quiet', onclick: () => void this.#erase() }, icon('trash'), 'Delete');
    this.#share = new ShareButton(job);
    this.element = h('div', { class: 'job-tools' },
      h('div', { class: 'job-actions' }, this.#zip, this.#retry, this.#share.element, this.#cancel, this.#another, this.#delete, this.#notify.element),
      this.#share.panel, this.#messages);
  }

  update(state: JobState): void {
    const held = this.element.contains(document.activeElement);
    const ready = state.count('completed');
    this.#worthATry = [...state.files.values()].filter(({ status, failure }) => status === 'failed' && isWorthATry(failure)).map(({ id }) => id);
    this.#state = state;
    this.#zip.hidden = !state.ended || ready === 0;
    this.#another.hidden = !state.ended;
    this.#retry.hidden = this.#isGuest || !state.ended || this.#worthATry.length < 2;
    setText(this.#retryWords, `Try ${this.#worthATry.length} failed again`);
    this.#share.element.hidden = state.status === 'cancelled' && ready === 0;
    this.#cancel.hidden = this.#isGuest || state.ended;
    this.#delete.hidden = this.#isGuest || !state.ended;
    if (this.#notify.element) this.#notify.element.hidden = state.ended;
    this.#selection.update(state);
    if (state.ended && this.#ended === false) this.#notify.tell(titleOf(state), this.#job);
    this.#ended = state.ended;
    if (held && isFocusLost()) this.#leave();
  }

  /** Puts failed files in line anew. */
  async retry(files: readonly string[]): Promise<void> {
    const failure = (file: string): string => `${file} ${this.#state?.files.get(file)?.restarts}`;
    const fresh = files.map((file) => ({ file, asked: failure(file) })).filter(({ asked }) => !this.#asked.has(asked));
    if (fresh.length === 0) return;
    for (const { asked } of fresh) this.#asked.add(asked);
    const done = await this.#do(() => retryFiles(this.#job, fresh.map(({ file }) => file)), 'The files are in line again.');
    if (!done) for (const { asked } of fresh) this.#asked.delete(asked);
  }

  /** Cancels one file after a question; the others go on. */
  async cancel(file: string, name: string): Promise<void> {
    const yes = await confirmed({
      title: `Cancel ${name}?`,
      words: 'It will get no model, and its photograph is removed. The others go on.',
      yes: 'Cancel it', no: 'Go on',
    });
    if (yes) await this.#do(() => cancelFile(this.#job, file), 'It is being cancelled.');
  }

  async #erase(): Promise<void> {
    const ready = this.#state?.count('completed') ?? 0;
    this.#setBusy(true);
    try {
      if ((await deleteJob(this.#job, ready)) !== null) location.assign(pages.jobs);
    } catch (cause) {
      this.#explain(cause);
    } finally {
      this.#setBusy(false);
    }
  }

  async #stop(): Promise<void> {
    const left = this.#state ? [...this.#state.files.values()].filter(({ status }) => status !== 'completed' && status !== 'failed').length : 0;
    const yes = await confirmed({
      title: 'Cancel this job?',
      words: `${count(left, 'picture')} will get no model, and ${left === 1 ? 'its photograph is' : 'their photographs are'} removed. Models that are ready stay.`,
      yes: 'Cancel the job', no: 'Go on',
    });
    if (yes) await this.#do(() => cancelJob(this.#job), 'The job is being cancelled.');
  }

  /** Whether it was done. */
  async #do(work: () => Promise<string>, fallback: string): Promise<boolean> {
    const before = document.activeElement;
    this.#setBusy(true);
    try {
      const words = await signedIn(work);
      fill(this.#messages);
      announce(words || fallback);
      this.#again();
      return true;
    } catch (cause) {
      this.#explain(cause);
      return false;
    } finally {
      this.#setBusy(false);
      // A button that is disabled for a moment loses the keyboard's place.
      if (before instanceof HTMLElement && before.isConnected && !before.hidden) before.focus({ preventScroll: true });
      else if (this.element.contains(before)) this.#leave();
    }
  }

  #explain(cause: unknown): void {
    fill(this.#messages, notice('error', cause instanceof ServiceError ? cause.message : 'That did not work. Try again.'));
  }

  #setBusy(busy: boolean): void {
    this.#cancel.disabled = busy;
    this.#retry.disabled = busy;
    this.#delete.disabled = busy;
  }
}
