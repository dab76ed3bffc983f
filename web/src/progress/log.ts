// What the model maker wrote down about one file, each line once, the newest last.

import type { StreamEvent } from '../api/types';

/** Lines kept; older ones go first. */
const MOST = 200;

export interface LogLine {
  /** "14:03:21", or empty. */
  time: string;
  level: string;
  words: string;
}

export class Log {
  readonly #lines: LogLine[] = [];
  readonly #seen = new Set<string>();
  /** How many lines there have been. */
  total = 0;

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  add({ message, level, timestamp, provider_timestamp }: Pick<StreamEvent, 'message' | 'level' | 'timestamp' | 'provider_timestamp'>): void {
    if (!message) return;
    const key = `${provider_timestamp ?? timestamp ?? ''} ${level ?? ''} ${message}`;
    // A resumed stream may tell a line again; without any time two equal lines are two lines.
    if ((provider_timestamp ?? timestamp) && this.#seen.has(key)) return;
    this.#seen.add(key);
    this.total += 1;
    this.#lines.push({ time: clock(provider_timestamp) || clock(timestamp), level: (level ?? '').toLowerCase(), words: message });
    if (this.#lines.length > MOST) this.#lines.shift();
  }
}

function clock(text: string | null | undefined): string {
  const time = new Date(text ?? '');
  return Number.isNaN(time.getTime()) ? '' : time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}
