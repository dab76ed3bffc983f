// The processing and results page of one job, named in the address by `job`, or by `taskId` as the original did;
// where none is named, the list of the caller's jobs.

import { pages } from '../api/addresses';
import { findJobOfTask } from '../api/client';
import { ServiceError } from '../api/problem';
import { accessToken, forgetToken, rememberToken } from '../api/session';
import { HistoryView } from '../history/history-view';
import { follow, type Link } from '../progress/follow';
import { JobState } from '../progress/job-state';
import { JobView } from '../progress/job-view';
import { showAccount } from '../ui/account';
import { announce } from '../ui/announce';
import { byId, fill, h, setText } from '../ui/dom';
import { keyForm } from '../ui/key-form';
import { notice } from '../ui/notice';
import { showSimulatorBanner } from '../ui/simulator-banner';

/** When a first answer takes longer than this, the page says so. */
const SLOW = 4_000;

const GONE = 'They may have been deleted, or their time was over: photographs and models are removed after a while. Or the address is not whole.';

const place = byId('job');
/** Ends when the visitor leaves; a page taken back out of the browser's cache starts another. */
let visit = new AbortController();

async function start(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const task = query.get('taskId') ?? query.get('task_id');
  const named = query.get('job') ?? query.get('job_id');
  if (!named && !task) return showJobs();
  showLoading();
  let job = named;
  try {
    job ??= await findJobOfTask(task ?? '');
    settleAddress(job, query.get('access_token'));
    await show(job);
  } catch (cause) {
    explain(cause, job);
  }
}

/** Keeps a shared token in this tab and takes it out of the address, so that it is not copied around unseen; where the tab keeps nothing, it stays. */
function settleAddress(job: string, token: string | null): void {
  if (token && !rememberToken(job, token)) return;
  history.replaceState(null, '', pages.processing(job));
}

async function show(job: string): Promise<void> {
  const { signal } = visit;
  const state = new JobState();
  // A job that has ended begins anew when its failed files are tried again.
  let again = (): void => undefined;
  const view = new JobView(job, () => again());
  const seconds = setInterval(() => view.summary.tick(state), 1000);
  signal.addEventListener('abort', () => clearInterval(seconds));
  while (!signal.aborted) {
    const begun = new Promise<void>((resolve) => (again = resolve));
    await followOnce(job, state, view, signal);
    await begun;
  }
}

async function followOnce(job: string, state: JobState, view: JobView, signal: AbortSignal): Promise<void> {
  const trouble = h('div', { class: 'messages' });
  let before: Link = 'connecting';
  await follow(job, state, {
    signal,
    onChange() {
      if (!state.known) return;
      if (!view.element.isConnected) fill(place, view.element);
      view.update(state);
    },
    onLink(link, error) {
      view.summary.showLink(link);
      if (before === 'live' && link === 'reconnecting') announce('The connection was lost. Trying again.');
      before = link;
      if (state.known) return;
      fill(trouble, error && notice('warning', `${error.message} Still trying…`));
      if (error && !trouble.isConnected) place.append(trouble);
    },
  });
}

function showLoading(): void {
  const slow = h('p', { class: 'hint', role: 'status' });
  const bone = (): HTMLElement => h('div', { class: 'row is-bone', 'aria-hidden': 'true' });
  fill(place, h('div', { class: 'job', 'aria-busy': 'true' }, h('h1', {}, 'Finding your models…'), slow, bone(), bone()));
  setTimeout(() => setText(slow, 'This takes longer than usual. Still waiting for the service.'), SLOW);
}

async function showJobs(): Promise<void> {
  document.title = 'Your models · Image2Model';
  document.querySelector(`nav a[href="${pages.jobs}"]`)?.setAttribute('aria-current', 'page');
  const view = new HistoryView(visit.signal);
  fill(place, view.element);
  await view.load();
}

function explain(cause: unknown, job: string | null): void {
  const error = cause instanceof ServiceError ? cause : new ServiceError('Something went wrong in this page. Reload it and try again.');
  if (error.needsKey) return askForKey(error, job);
  if (error.status === 404) return void fill(place, emptyState('These models are not here', GONE));
  fill(place, emptyState('The models cannot be shown', error.message));
}

function askForKey(error: ServiceError, job: string | null): void {
  const guest = job !== null && accessToken(job) !== null;
  if (guest) {
    forgetToken(job);
    // Nor is it to be found again in the address.
    history.replaceState(null, '', pages.processing(job));
  }
  const title = guest ? 'This link has ended' : 'These models are not open to everybody';
  const words = guest && h('p', { class: 'lede' }, 'Whoever sent it to you can share another one.');
  fill(place, h('div', { class: 'job narrow' }, h('div', {}, h('h1', {}, title), words), keyForm(error, () => void start())));
}

function emptyState(title: string, words: string): HTMLElement {
  return h('section', { class: 'empty-state', role: 'alert' }, h('h1', {}, title), h('p', {}, words),
    h('p', { class: 'empty-ways' }, h('a', { class: 'button button-primary', href: pages.upload }, 'Make a model'),
      h('a', { class: 'button button-quiet', href: pages.jobs }, 'Your models')));
}

addEventListener('pagehide', () => visit.abort());
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  visit = new AbortController();
  void start();
});
void start();
void showSimulatorBanner();
showAccount();
