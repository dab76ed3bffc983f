// The head of a job: how far the whole is, how many are ready, how the page hears of it.

import { h, setText } from '../ui/dom';
import { ProgressBar } from '../ui/progress-bar';
import { count, duration } from '../ui/words';
import type { Link } from './follow';
import type { JobState } from './job-state';

const LINK_WORDS: Record<Link, string> = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Connection lost, trying again…',
  polling: 'Looking every few seconds',
};

export class Summary {
  readonly element: HTMLElement;
  readonly #title = h('h1', {}, 'Making your models');
  readonly #facts = h('p', { class: 'lede' });
  readonly #link = h('span', { class: 'link-state' });
  readonly #percent = h('span', { class: 'summary-percent' });
  readonly #bar = new ProgressBar('Progress of all models');
  readonly #live: HTMLElement;

  constructor() {
    this.#live = h('div', { class: 'summary-live' }, h('div', { class: 'summary-line' }, this.#link, this.#percent), this.#bar.element);
    this.element = h('header', { class: 'summary' }, this.#title, this.#facts, this.#live);
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
    document.title = state.ended ? `${titleOf(state)} · Image2Model` : `${Math.round(state.overall)} % · Image2Model`;
  }
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
  if (ready === 0) return state.files.size === 1 ? 'The reason is below.' : 'The reasons are below.';
  const it = ready === 1 ? 'it' : 'them';
  return `Turn ${it} with the mouse, a finger or the arrow keys, and download ${it}: files are removed after a while.`;
}

function factsOf(state: JobState): string {
  if (state.ended) return endWords(state);
  const parts = [`${state.count('completed')} of ${state.files.size} ready`];
  const failed = state.count('failed');
  if (failed > 0) parts.push(`${failed} failed`);
  if (state.queuePosition !== null && state.queuePosition > 0) parts.push(`${state.queuePosition} in line before`);
  if (state.etaSeconds !== null && state.etaSeconds > 0) parts.push(`${duration(state.etaSeconds)} left`);
  return `${parts.join(', ')}. You may close this page and come back to its address.`;
}
