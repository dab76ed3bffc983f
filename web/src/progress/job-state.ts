// What the page knows about a job: one row per file, fed by events and by status answers in any order.
// Every event is an upsert keyed by file id; a status answer never undoes an event that came after it was asked for.

import type { FileFailure, FileStatus, JobStatus, StatusAnswer, StreamEvent } from '../api/types';
import { Log } from './log';
import { clamp, failureOf, nextStatus, placeOf, timeOf, type News } from './news';

export interface FileState {
  id: string;
  name: string;
  status: FileStatus;
  /** 0..100, never going backwards while the file is under way. */
  progress: number;
  message: string;
  failure: FileFailure | null;
  hasPreview: boolean;
  /** Files ahead of it; null when it is not in line or nobody knows. */
  queuePosition: number | null;
  /** Attempts that failed. */
  attempts: number;
  /** How often it was retried on demand. */
  restarts: number;
  readonly log: Log;
  /** Version of the state at the last event about this file. */
  touched: number;
}

const JOB_STATUSES = new Set<string>(['pending', 'processing', 'completed', 'partially_completed', 'failed', 'cancelled']);

/** Nothing more will happen to a file of this status, unless somebody retries it. */
export const isEnd = (status: FileStatus | JobStatus): boolean =>
  status === 'completed' || status === 'partially_completed' || status === 'failed' || status === 'cancelled';

export class JobState {
  readonly files = new Map<string, FileState>();
  status: JobStatus = 'pending';
  /** 0..100 */
  overall = 0;
  etaSeconds: number | null = null;
  queuePosition: number | null = null;
  /** When the job was made and when it ended, by the service's clock; milliseconds since 1970. */
  createdAt: number | null = null;
  completedAt: number | null = null;
  /** When its files are removed; null while it is at work. */
  expiresAt: number | null = null;
  /** The service's clock is so many milliseconds ahead of this one. */
  clockAhead = 0;
  /** When the estimate was told, by this clock. */
  estimatedAt = 0;
  /** A status answer has been seen, so the list of files is whole. */
  known = false;
  /** Grows with every event. */
  version = 0;
  #jobTouched = 0;

  get ended(): boolean {
    return isEnd(this.status);
  }

  count(status: FileStatus): number {
    return [...this.files.values()].filter((file) => file.status === status).length;
  }

  /** Seconds from the upload until now, or until the end; null while unknown. */
  elapsedSeconds(now = Date.now()): number | null {
    if (this.createdAt === null) return null;
    const until = this.ended ? this.completedAt : now + this.clockAhead;
    return until === null ? null : Math.max(0, (until - this.createdAt) / 1000);
  }

  /** Seconds until the likely end, counted down since it was told; null while unknown or when it is over. */
  remainingSeconds(now = Date.now()): number | null {
    if (this.ended || this.etaSeconds === null) return null;
    const left = this.etaSeconds - (now - this.estimatedAt) / 1000;
    return left > 0 ? left : null;
  }

  /** Takes a status answer that was asked for at version `askedAt` and told at `now` by the service's clock. */
  applyStatus(answer: StatusAnswer, askedAt: number, now = Date.now()): void {
    this.known = true;
    this.clockAhead = now - Date.now();
    this.createdAt = timeOf(answer.created_at) ?? this.createdAt;
    this.completedAt = timeOf(answer.completed_at);
    this.expiresAt = timeOf(answer.expires_at);
    for (const file of answer.files) {
      const state = this.#file(file.file_id);
      state.name = file.filename || state.name;
      if (state.touched <= askedAt) this.#update(state, file);
      // What only this answer tells is taken in any case.
      state.hasPreview ||= Boolean(file.rendered_image);
    }
    if (this.#jobTouched > askedAt) return;
    this.#setJob(answer.status, answer.overall_progress);
    this.etaSeconds = answer.eta_seconds ?? null;
    this.estimatedAt = Date.now();
    this.queuePosition = answer.queue_position ?? null;
  }

  applyEvent(event: StreamEvent): void {
    this.version += 1;
    if (event.type === 'job') {
      this.#jobTouched = this.version;
      this.#setJob(event.status, event.overall_progress ?? (event.status && isEnd(event.status as JobStatus) ? 100 : null));
      return;
    }
    if (event.file_id) {
      const file = this.#file(event.file_id);
      file.touched = this.version;
      if (event.filename) file.name = event.filename;
      if (event.type === 'log') file.log.add(event);
      this.#update(file, { ...event, error: failureOf(event) });
      if (event.rendered_image) file.hasPreview = true;
    } else if (event.type === 'progress') {
      this.#setJob(event.status, null);
    }
    this.#setJob(null, event.overall_progress);
    if (this.status === 'pending' && event.file_id && event.status && event.status !== 'pending') this.status = 'processing';
  }

  #file(id: string): FileState {
    const known = this.files.get(id);
    if (known) return known;
    const made: FileState = {
      id, name: '', status: 'pending', progress: 0, message: '', failure: null, hasPreview: false,
      queuePosition: null, attempts: 0, restarts: 0, log: new Log(), touched: 0,
    };
    this.files.set(id, made);
    return made;
  }

  #update(file: FileState, news: News): void {
    // What belongs to a run before the last retry comes too late.
    if (typeof news.restarts === 'number' && news.restarts < file.restarts) return;
    const next = nextStatus(news);
    const restarted = (news.restarts ?? file.restarts) > file.restarts || (next !== null && isEnd(file.status) && !isEnd(next));
    file.restarts = news.restarts ?? file.restarts;
    file.attempts = news.attempts ?? file.attempts;
    if (next !== null) file.queuePosition = placeOf(next, news, file);
    if (next !== null) file.status = next;
    if (typeof news.progress === 'number') {
      file.progress = restarted ? clamp(news.progress) : Math.max(file.progress, clamp(news.progress));
    }
    if (file.status === 'completed') file.progress = 100;
    if (typeof news.message === 'string') file.message = news.message;
    if (news.error) file.failure = news.error;
    if (file.status !== 'failed') file.failure = null;
  }

  #setJob(status: string | null | undefined, overall: number | null | undefined): void {
    const restarted = Boolean(status) && this.ended && !isEnd(status as JobStatus);
    if (status && JOB_STATUSES.has(status)) this.status = status as JobStatus;
    if (typeof overall === 'number') this.overall = restarted ? clamp(overall) : Math.max(this.overall, clamp(overall));
  }
}
