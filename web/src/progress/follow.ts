// Keeps a JobState true: a status answer first, then the event stream, resumed where it broke; plain polling while
// no stream can be had. Ends when the job ends or when the service says the job is not ours to see.

import { addresses } from '../api/addresses';
import { getStatus } from '../api/client';
import { ServiceError, unreachable } from '../api/problem';
import type { StreamEvent } from '../api/types';
import { readStream, type ServerEvent } from './event-stream';
import type { JobState } from './job-state';
import { afterwards, mayStream, type Losses } from './patience';

/** How the page hears of the job right now. */
export type Link = 'connecting' | 'live' | 'reconnecting' | 'polling';

export interface FollowOptions {
  signal: AbortSignal;
  onChange: () => void;
  onLink: (link: Link, error: ServiceError | null) => void;
}

/** The server sends the present state at once, so a stream silent this long at its start is held up on the way. */
const FIRST_SILENCE = 10_000;
/** The server beats every 15 s; three missed beats are a dead connection. */
const SILENCE = 45_000;

/** Resolves at the job's end; rejects with the ServiceError that makes following pointless. */
export async function follow(job: string, state: JobState, options: FollowOptions): Promise<void> {
  const losses: Losses = { answers: 0, streams: 0 };
  const position = { lastEventId: '' };
  options.onLink('connecting', null);
  while (!options.signal.aborted) {
    let hint: number | null = null;
    try {
      await refresh(job, state, options);
      losses.answers = 0;
      if (state.ended) return;
      if (mayStream(losses)) hint = await listen(job, state, position, losses, options);
      else {
        losses.streams += 1;
        options.onLink('polling', null);
      }
    } catch (cause) {
      if (options.signal.aborted || state.ended) return;
      const error = cause instanceof ServiceError ? cause : unreachable();
      if (!error.isPassing) throw error;
      losses.answers += 1;
      hint = error.retryAfter === null ? null : error.retryAfter * 1000;
      options.onLink('reconnecting', error);
    }
    if (!state.ended) await pause(hint ?? afterwards(losses), options.signal);
  }
}

/** Follows one stream to its end. Returns the server's hint for when to come back, in milliseconds. */
async function listen(
  job: string,
  state: JobState,
  position: { lastEventId: string },
  losses: Losses,
  options: FollowOptions,
): Promise<number | null> {
  losses.streams += 1;
  try {
    const end = await readStream(addresses.stream(job, position.lastEventId), {
      signal: options.signal,
      firstSilence: FIRST_SILENCE,
      silence: SILENCE,
      enough: () => state.ended,
      onOpen: () => {
        losses.streams = 0;
        options.onLink('live', null);
      },
      onEvent: (event) => {
        position.lastEventId = event.id ?? position.lastEventId;
        take(event, state, () => void refresh(job, state, options).catch(() => undefined));
        options.onChange();
      },
    });
    return end.retry;
  } catch (cause) {
    if (options.signal.aborted) throw cause;
    const error = cause instanceof ServiceError ? cause : unreachable();
    if (!error.isPassing) throw error;
    options.onLink('reconnecting', error);
    return error.retryAfter === null ? null : error.retryAfter * 1000;
  }
}

async function refresh(job: string, state: JobState, options: FollowOptions): Promise<void> {
  const askedAt = state.version;
  const answer = await getStatus(job, options.signal);
  state.applyStatus(answer, askedAt);
  options.onChange();
}

function take(event: ServerEvent, state: JobState, reread: () => void): void {
  // `reset` says that what was missed is no longer kept: the whole state has to be read again.
  if (event.name === 'reset') return reread();
  let parsed: unknown;
  try {
    parsed = JSON.parse(event.data);
  } catch {
    return;
  }
  if (typeof parsed !== 'object' || parsed === null || !('type' in parsed)) return;
  // The seeds' stream has no event names and says the same in the data.
  if (parsed.type === 'reset') return reread();
  state.applyEvent(parsed as StreamEvent);
}

/** Waits, but no longer than until the network comes back. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      globalThis.removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    globalThis.addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
