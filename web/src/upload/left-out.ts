// Says which files did not get into the list, and why.

import { notice } from '../ui/notice';
import { count } from '../ui/words';
import type { Refused } from './picture-list';

/** Reasons shown when many files were left out. */
const MOST_REASONS = 5;

/** The message, or null when every file got in. */
export function leftOut(refused: readonly Refused[]): HTMLElement | null {
  if (refused.length === 0) return null;
  const lines = refused.slice(0, MOST_REASONS).map(({ name, reason }) => `${name}: ${reason}`);
  if (refused.length > lines.length) lines.push(`and ${refused.length - lines.length} more`);
  return notice('warning', `${count(refused.length, 'file')} left out:`, { list: lines });
}
