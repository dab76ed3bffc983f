// Says which files did not get into the list, and why.

import { notice } from '../ui/notice';
import { count } from '../ui/words';
import type { Refused } from './picture-list';

/** Reasons shown when many files were left out. */
const MOST_REASONS = 5;

function lines(refused: readonly Refused[]): string[] {
  const shown = refused.slice(0, MOST_REASONS).map(({ name, reason }) => `${name}: ${reason}`);
  return refused.length > shown.length ? [...shown, `and ${refused.length - shown.length} more`] : shown;
}

const title = (refused: readonly Refused[]): string => `${count(refused.length, 'file')} left out:`;

/** The same for the ear. */
export const leftOutWords = (refused: readonly Refused[]): string => [title(refused), ...lines(refused)].join(' ');

/** The message, or null when every file got in. The page says it itself, together with what did get in. */
export function leftOut(refused: readonly Refused[]): HTMLElement | null {
  if (refused.length === 0) return null;
  const message = notice('warning', title(refused), { list: lines(refused) });
  message.removeAttribute('role');
  return message;
}
