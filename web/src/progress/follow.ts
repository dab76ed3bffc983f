// Keeps a JobState true: a status answer first, then the event stream, resumed where it broke; long polling while
// no stream can be had. Ends when the job ends or when the service says the job is not ours to see.

import { addresses } from '../api/addresses';
import { awaitStatus, getStatus } from '../api/client';
import { pause, type Sooner } from '../api/pause';
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
/** Between two status answers beside a stream, which does not tell places in line and estimates. */
const REFRESH = 15_000;
/** Seconds that the service may hold a question back until there is news. */
const WAIT = 25;

/** Resolves at the job's end; rejects with the ServiceError that makes following pointless. */
export async function follow(job: string, state: JobState, options: FollowOptions): Promise<void> {
  const losses: Losses = { answers: 0, streams: 0 };
  const position: Position = { lastEventId: '', tag: null };
  options.onLink('connecting', null);
  while (!options.signal.aborted) {
    let hint: number | null = null;
    try {
      const streaming = mayStream(losses);
      if (!streaming) {
        losses.streams += 1;
        options.onLink('polling', null);
      }
      await refresh(job, state, position, options, streaming ? 0 : WAIT);
      losses.answers = 0;
      if (state.ended) return;
      if (streaming) hint = await listen(job, state, position, losses, options);
    } catch (cause) {
      if (options.signal.aborted || state.ended) return;
      const error = cause instanceof ServiceError ? cause : unreachable();
      if (!error.isPassing) throw error;
      losses.answers += 1;
      hint = error.retryAfter === null ? null : error.retryAfter * 1000;
      options.onLink('reconnecting', error);
    }
    if (!state.ended) await pause(hint ?? afterwards(losses), news(options.signal));
  }
}

/** What has been heard so far. */
interface Position {
  lastEventId: string;
  /** Entity tag of the last status answer. */
  tag: string | null;
}

/** Follows one stream to its end. Returns the server's hint for when to come back, in milliseconds. */
async function listen(
  job: string,
  state: JobState,
  position: Position,
  losses: Losses,
  options: FollowOptions,
): Promise<number | null> {
  losses.streams += 1;
  const reread = (): void => void refresh(job, state, position, options).catch(() => undefined);
  const estimates = setInterval(reread, REFRESH);
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
        take(event, state, reread);
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
  } finally {
    clearInterval(estimates);
  }
}

/** Reads the whole state, at once or, with `wait`, as soon as it is another than before. */
async function refresh(job: string, state: JobState, position: Position, options: FollowOptions, wait = 0): Promise<void> {
  const askedAt = state.version;
  const { answer, tag, now } = wait > 0 ? await awaitStatus(job, position.tag, wait, options.signal) : await getStatus(job, options.signal);
  position.tag = tag;
  if (answer === null) return;
  state.applyStatus(answer, askedAt, now);
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

/** What may have brought the service back: the network, or somebody who looks at the page again. Or the visit is over. */
const news = (signal: AbortSignal): readonly Sooner[] =>
  [[globalThis, 'online'], [document, 'visibilitychange', () => !document.hidden], [signal, 'abort']];
