// Numbers and states in words.

import type { FileStatus } from '../api/types';

const FILE_WORDS: Record<FileStatus, string> = {
  pending: 'Waiting',
  uploading: 'Sending to the model maker',
  queued_at_provider: 'In the model maker’s queue',
  processing: 'Making the model',
  completed: 'Ready',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export const fileStatusWords = (status: FileStatus): string => FILE_WORDS[status];

/** "1 model", "3 models". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** 50000 → "50 000", with spaces that do not break. */
export const thousands = (number: number): string => String(number).replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** Bytes as people read them. */
export function bytes(size: number): string {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${Math.round(size / 1024)} KB`;
  return `${(size / 1024 / 1024).toFixed(1)} MB`;
}

/** A duration, roughly: nobody needs the seconds of a wait of minutes. */
export function duration(seconds: number): string {
  if (seconds < 60) return count(Math.max(1, Math.round(seconds)), 'second');
  return `about ${count(Math.round(seconds / 60), 'minute')}`;
}

/** Time that has passed, by the second: "8 s", "3 min 20 s", "1 h 4 min". */
export function elapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** "Friday 27 November, 14:03": a day and a time of this clock, of milliseconds since 1970. */
export const moment = (at: number): string =>
  new Date(at).toLocaleString([], { weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' });

/** File name without its picture extension. */
export const bareName = (name: string): string => name.replace(/\.(jpe?g|png)$/i, '');
