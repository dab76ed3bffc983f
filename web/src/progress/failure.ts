// What a failure means for the person: whether the same picture may do better another time, and what else may help.

import type { FileFailure } from '../api/types';
import type { FileState } from './job-state';

/** These are of the service or the model maker. It does not try again by itself; somebody who does so later may have luck. */
const NOT_OF_THE_PICTURE = new Set([
  'HISTORY_BLIND', 'PROVIDER_ACCOUNT', 'PROVIDER_CANCELLED', 'PROVIDER_PLUGIN_FAILED', 'PROVIDER_REQUEST_LOST', 'PROVIDER_TIMEOUT',
  'PROVIDER_UNAVAILABLE', 'SUBMIT_UNCERTAIN',
]);

/** Of the options that the upload chose: the picture is as good as any. */
const OF_THE_OPTIONS = new Set(['INVALID_OPTIONS', 'UNKNOWN_MODEL']);

/** Whether trying the same again may give a model; it is not offered where it cannot. */
export function isWorthATry(failure: FileFailure | null): boolean {
  return failure?.retryable !== false || NOT_OF_THE_PICTURE.has(failure.code);
}

/** Why there is no model, and what may help where trying again does not. */
export function failureWords({ failure, message }: Pick<FileState, 'failure' | 'message'>): string {
  const reason = failure?.message ?? (message || 'No reason was given.');
  if (failure === null || isWorthATry(failure)) return reason;
  const advice = OF_THE_OPTIONS.has(failure.code) ? 'Upload it again with other options.' : 'Another photograph may do better.';
  return `${reason.replace(/[^.!?]$/, '$&.')} ${advice}`;
}
