// The head of a job: how far the whole is, how many are ready, how long it has taken, how the page hears of it.

import { h, setText } from '../ui/dom';
import { ProgressBar } from '../ui/progress-bar';
import { count, duration, elapsed, moment } from '../ui/words';
import type { Link } from './follow';
import type { JobState } from './job-state';
import { offlineLine } from './offline-line';
import { showInTab } from './tab';

const LINK_WORDS: Record<Link, string> = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Connection lost, trying again…',
  polling: 'Asking every few seconds',
};

export class Summary {
  readonly element: HTMLElement;
  readonly #title = h('h1', { tabindex: -1 }, 'Making your models');
  readonly #facts = h('p', { class: 'lede' });
  readonly #link = h('span', { class: 'link-state' });
  readonly #time = h('span', { class: 'summary-time' });
  readonly #percent = h('span', { class: 'summary-percent' });
  readonly #bar = new ProgressBar('Progress of all models');
  readonly #live: HTMLElement;

  constructor() {
    this.#live = h('div', { class: 'summary-live' },
      h('div', { class: 'summary-line' }, this.#link, this.#time, this.#percent), this.#bar.element, offlineLine());
    this.element = h('header', { class: 'summary' }, this.#title, this.#facts, this.#live);
  }

  /** Gives the keyboard to the heading, which says what has become of the job. */
  focus(): void {
    this.#title.focus({ preventScroll: true });
  }

  showLink(link: Link): void {
    setText(this.#link, LINK_WORDS[link]);
    this.#link.dataset['link'] = link;
  }

  update(state: JobState): void {
    setText(this.#title, titleOf(state));
    setText(this.#facts, factsOf(state));
    setText(this.#percent, `${Math.round(state.overall)} %`);
    this.#bar.value = state.overall;
    this.#live.hidden = state.ended;
    this.tick(state);
    showInTab(state, titleOf(state));
  }

  /** Once a second, so that waiting is seen to pass. */
  tick(state: JobState): void {
    setText(this.#time, timeWords(state));
  }
}

/** "1 min 20 s so far, about 2 minutes left". */
export function timeWords(state: JobState, now = Date.now()): string {
  const passed = state.elapsedSeconds(now);
  const left = state.remainingSeconds(now);
  const parts = [passed === null ? '' : `${elapsed(passed)} so far`, left === null ? '' : `${duration(left)} left`];
  return parts.filter((part) => part !== '').join(', ');
}

/** What the job is about now, as a heading. */
export function titleOf(state: JobState): string {
  const all = state.files.size;
  const ready = state.count('completed');
  if (!state.ended) return all === 0 ? 'Making your models' : `Making ${count(all, 'model')}`;
  if (state.status === 'cancelled' && ready === 0) return 'This job was cancelled';
  if (ready === 0) return all === 1 ? 'The model could not be made' : 'No model could be made';
  if (ready === all) return all === 1 ? 'Your model is ready' : `Your ${all} models are ready`;
  return `${ready} of ${all} models are ready`;
}

function endWords(state: JobState): string {
  const ready = state.count('completed');
  if (state.status === 'cancelled' && ready === 0) return 'Nothing was made. The photographs were removed.';
  if (ready === 0) return state.files.size === 1 ? 'The reason is below.' : 'The reasons are below.';
  const it = ready === 1 ? 'it' : 'them';
  const passed = state.elapsedSeconds();
  const took = passed === null || passed < 1 ? '' : `Made in ${elapsed(passed)}. `;
  const until = state.expiresAt === null ? 'files are removed after a while' : `files are kept until ${moment(state.expiresAt - state.clockAhead)}`;
  return `${took}Turn ${it} with the mouse, a finger or the arrow keys, and download ${it}: ${until}.`;
}

function factsOf(state: JobState): string {
  if (state.ended) return endWords(state);
  const parts = [`${state.count('completed')} of ${state.files.size} ready`];
  const failed = state.count('failed');
  if (failed > 0) parts.push(`${failed} failed`);
  // The place of the job is told now and then only; it is out of date once no file waits any more.
  if (state.queuePosition !== null && state.queuePosition > 0 && state.count('pending') > 0) parts.push(`${state.queuePosition} in line before`);
  return `${parts.join(', ')}. You may close this page and come back to its address.`;
}
