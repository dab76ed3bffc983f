// Tells screen readers what changed, one polite sentence at a time.

import { byId } from './dom';

/** Speaks a sentence; the same one twice in a row is spoken twice. */
export function announce(sentence: string): void {
  const line = document.createElement('p');
  line.textContent = sentence;
  byId('announcer').replaceChildren(line);
}
