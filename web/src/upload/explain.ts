// What to say when an upload did not come about: the server's words, beside the pictures they mean where it names any.

import { ServiceError } from '../api/problem';
import { fill } from '../ui/dom';
import { keyForm } from '../ui/key-form';
import { notice, showNotice } from '../ui/notice';
import { count } from '../ui/words';
import { explainUnreachable } from './offline';
import type { PictureList } from './picture-list';

export interface Means {
  list: PictureList;
  /** Sends once more. */
  again: () => void;
  /** Gives the keyboard, which was at what has gone, to what is to be done next. */
  focus: () => void;
}

export function explainTo(place: Element, cause: unknown, { list, again, focus }: Means): void {
  if (!(cause instanceof ServiceError)) {
    const cancelled = cause instanceof DOMException && cause.name === 'AbortError';
    showNotice(place, notice(cancelled ? 'info' : 'error', cancelled ? 'The upload was stopped. Your pictures are still here, and the service kept none.' : 'Something went wrong in this page. Reload it and try again.'));
    return focus();
  }
  if (cause.needsKey) return fill(place, keyForm(cause, again));
  if (cause.status === 0) {
    explainUnreachable(place, again);
    return focus();
  }
  const unplaced = list.blame(cause.refused);
  const wait = cause.retryAfter === null ? '' : ` Try again in ${count(cause.retryAfter, 'second')}.`;
  const action = cause.isPassing ? { action: { label: 'Try again', run: again } } : {};
  showNotice(place, notice('error', cause.message + wait, { list: unplaced, ...action }));
  focus();
}
