// A job's state must come out the same whatever is repeated, late or missing.

import { describe, expect, it } from 'vitest';
import type { StatusAnswer } from '../src/api/types';
import { JobState } from '../src/progress/job-state';

const answer = (over: Partial<StatusAnswer> = {}): StatusAnswer => ({
  job_id: 'j', status: 'processing', overall_progress: 20, total_files: 2,
  files: [
    { file_id: 'a', filename: 'a.jpg', status: 'processing', progress: 40 },
    { file_id: 'b', filename: 'b.png', status: 'pending', progress: 0 },
  ],
  ...over,
});

function started(): JobState {
  const state = new JobState();
  state.applyStatus(answer(), 0);
  return state;
}

describe('JobState', () => {
  it('takes a status answer', () => {
    const state = started();
    expect([...state.files.keys()]).toEqual(['a', 'b']);
    expect(state.files.get('a')).toMatchObject({ name: 'a.jpg', status: 'processing', progress: 40 });
    expect(state.overall).toBe(20);
    expect(state.known).toBe(true);
  });

  it('knows when an ended job goes, and forgets it when that begins anew', () => {
    const state = started();
    state.applyStatus(answer({ status: 'completed', expires_at: '2026-11-28T14:00:00.000Z' }), 0);
    expect(state.expiresAt).toBe(Date.UTC(2026, 10, 28, 14));
    state.applyStatus(answer({ expires_at: null }), 0);
    expect(state.expiresAt).toBeNull();
  });

  it('is not changed by an event that comes twice', () => {
    const state = started();
    const event = { type: 'progress', file_id: 'a', status: 'processing', progress: 55, overall_progress: 28 } as const;
    state.applyEvent(event);
    const once = structuredClone({ ...state.files.get('a'), touched: 0 });
    state.applyEvent(event);
    expect({ ...state.files.get('a'), touched: 0 }).toEqual(once);
    expect(state.files.size).toBe(2);
  });

  it('never lets progress go backwards', () => {
    const state = started();
    state.applyEvent({ type: 'progress', file_id: 'a', progress: 30, overall_progress: 10 });
    expect(state.files.get('a')?.progress).toBe(40);
    expect(state.overall).toBe(20);
  });

  it('does not let a status answer undo an event that came after the question', () => {
    const state = started();
    const askedAt = state.version;
    state.applyEvent({ type: 'completed', file_id: 'a' });
    state.applyStatus(answer({ files: [{ file_id: 'a', filename: 'a.jpg', status: 'processing', progress: 90, rendered_image: 'x' }] }), askedAt);
    expect(state.files.get('a')).toMatchObject({ status: 'completed', progress: 100, hasPreview: true });
  });

  it('lets a later status answer bring a retried file back to its start', () => {
    const state = started();
    state.applyEvent({ type: 'error', file_id: 'a', error: 'no', error_code: 'X' });
    state.applyStatus(answer({ files: [{ file_id: 'a', filename: 'a.jpg', status: 'pending', progress: 0 }] }), state.version);
    expect(state.files.get('a')).toMatchObject({ status: 'pending', progress: 0, failure: null });
  });

  it('reads the state from the event type when the status is missing', () => {
    const state = started();
    state.applyEvent({ type: 'error', file_id: 'b', error: 'the provider refused', error_code: 'X' });
    expect(state.files.get('b')).toMatchObject({ status: 'failed', failure: { message: 'the provider refused' } });
    expect(state.count('failed')).toBe(1);
  });

  it('takes a log line as words only', () => {
    const state = started();
    state.applyEvent({ type: 'log', file_id: 'a', status: 'completed', message: 'step 3' });
    expect(state.files.get('a')).toMatchObject({ status: 'processing', message: 'step 3' });
  });

  it('ends with the job event, and only then', () => {
    const state = started();
    state.applyEvent({ type: 'completed', file_id: 'a', overall_progress: 50 });
    expect(state.ended).toBe(false);
    state.applyEvent({ type: 'job', status: 'partially_completed' });
    expect(state.ended).toBe(true);
    expect(state.overall).toBe(100);
  });

  it('knows a file the status answer had not named yet, and ignores words it does not know', () => {
    const state = started();
    state.applyEvent({ type: 'progress', file_id: 'c', filename: 'c.jpg', status: 'dreaming', progress: 400 });
    expect(state.files.get('c')).toMatchObject({ name: 'c.jpg', status: 'pending', progress: 100 });
  });

  it('keeps the log of each file apart', () => {
    const state = started();
    state.applyEvent({ type: 'log', file_id: 'a', message: 'one' });
    state.applyEvent({ type: 'log', file_id: 'b', message: 'two' });
    expect(state.files.get('a')?.log.lines.map(({ words }) => words)).toEqual(['one']);
  });

  it('begins a retried file anew, and lets late news of the former run pass', () => {
    const state = started();
    state.applyEvent({ type: 'error', file_id: 'a', status: 'failed', error: 'no', progress: 100, restarts: 0 });
    state.applyEvent({ type: 'progress', file_id: 'a', status: 'pending', progress: 0, restarts: 1 });
    expect(state.files.get('a')).toMatchObject({ status: 'pending', progress: 0, restarts: 1, failure: null });
    state.applyEvent({ type: 'error', file_id: 'a', status: 'failed', error: 'no', progress: 100, restarts: 0 });
    expect(state.files.get('a')).toMatchObject({ status: 'pending', progress: 0 });
  });

  it('knows a place in line only while there is a line', () => {
    const state = started();
    state.applyEvent({ type: 'progress', file_id: 'b', status: 'pending', queue_position: 4 });
    expect(state.files.get('b')?.queuePosition).toBe(4);
    state.applyEvent({ type: 'progress', file_id: 'b', status: 'uploading' });
    expect(state.files.get('b')?.queuePosition).toBeNull();
  });

  it('measures time by the clock of the service, and counts an estimate down', () => {
    const state = new JobState();
    const here = Date.now();
    const there = here + 3_600_000;
    state.applyStatus(answer({ created_at: new Date(there - 90_000).toISOString(), eta_seconds: 40 }), 0, there);
    expect(state.elapsedSeconds(here)).toBeCloseTo(90, 0);
    expect(state.remainingSeconds(here + 10_000)).toBeCloseTo(30, 0);
    expect(state.remainingSeconds(here + 60_000)).toBeNull();
  });

  it('goes on after its end when a status answer says so', () => {
    const state = started();
    state.applyEvent({ type: 'job', status: 'failed' });
    state.applyStatus(answer({ status: 'processing', overall_progress: 5 }), state.version);
    expect(state.ended).toBe(false);
    expect(state.overall).toBe(5);
  });
});
