// Reads what an event or a status answer tells about a file, in whichever of their two forms.

import type { FileFailure, FileStatus, StreamEvent } from '../api/types';
import type { FileState } from './job-state';

const FILE_STATUSES = new Set<string>([
  'pending', 'uploading', 'queued_at_provider', 'processing', 'completed', 'failed', 'cancelled',
]);

/** Events tell a failure in the words of the first clients: a sentence, its code beside it. */
export function failureOf({ error, error_code, retryable }: StreamEvent): FileFailure | null {
  return error ? { code: error_code ?? '', message: error, retryable: retryable ?? false } : null;
}

/** What an event and a status answer have in common about a file. */
export interface News {
  type?: string;
  status?: string | null;
  progress?: number | null;
  message?: string | null;
  queue_position?: number | null;
  attempts?: number | null;
  restarts?: number | null;
  error?: FileFailure | null;
}

/** The file status an event or answer tells; the event's type says it when the field is missing. */
export function nextStatus(news: News): FileStatus | null {
  if (news.type === 'log') return null;
  if (news.status && FILE_STATUSES.has(news.status)) return news.status as FileStatus;
  if (news.type === 'completed') return 'completed';
  return news.type === 'error' ? 'failed' : null;
}

/** The place in a line, here or at the provider; a place in the former line says nothing of the next one. */
export function placeOf(next: FileStatus, news: News, before: Pick<FileState, 'status' | 'queuePosition'>): number | null {
  if (next !== 'pending' && next !== 'queued_at_provider') return null;
  return news.queue_position ?? (next === before.status ? before.queuePosition : null);
}

/** A time of the service, in milliseconds since 1970; null when it tells none. */
export function timeOf(text: string | null | undefined): number | null {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? null : time;
}

/** Percent, kept between its bounds. */
export function clamp(percent: number): number {
  return Math.min(100, Math.max(0, percent));
}
