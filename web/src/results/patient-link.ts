// Makes a download wait where the service asks for it. The browser's own would fail at once and could not say why: so the page asks
// first whether the file is to be had, and says what it hears beside the link.

import { findFile } from '../api/client';
import { ServiceError } from '../api/problem';
import { fill } from '../ui/dom';
import { notice } from '../ui/notice';
import { duration } from '../ui/words';
import { untilAnswered } from './model-file';
import { saveFrom } from './save';

/** `messages` is where words about it are shown. */
export function makePatient(link: HTMLAnchorElement, messages: Element): void {
  let busy = false;
  link.addEventListener('click', (event) => {
    // With a key held down it is the browser's: another tab, or a place to save it in.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    void bring(link, messages).finally(() => (busy = false));
  });
}

async function bring(link: HTMLAnchorElement, messages: Element): Promise<void> {
  const wait = (milliseconds: number): void =>
    fill(messages, notice('info', `Much was asked for at a time. The download begins by itself in ${duration(milliseconds / 1000)}.`));
  try {
    await untilAnswered(() => findFile(link.href), wait);
    fill(messages);
    saveFrom(link.href, link.download);
  } catch (cause) {
    fill(messages, refusal(cause));
  }
}

function refusal(cause: unknown): HTMLElement {
  if (!(cause instanceof ServiceError)) return notice('error', 'The download did not begin. Try again.');
  if (!cause.needsKey) return notice('error', cause.status === 404 || cause.status === 410 ? 'This file has been removed.' : cause.message);
  return notice('warning', 'Your session or your link has ended.', { action: { label: 'Open this page again', run: () => location.reload() } });
}
