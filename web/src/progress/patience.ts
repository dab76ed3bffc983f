// How long to wait after a loss, and when to stop trying streams and poll instead.

/** Losses in a row. */
export interface Losses {
  /** Status questions without an answer. */
  answers: number;
  /** Streams that never opened. */
  streams: number;
}

/** Streams lost in a row before polling takes over. */
const STREAM_TRIES = 3;
/** While polling, every so many rounds one stream is tried again. */
const RETRY_STREAM_EVERY = 8;
const POLL_EVERY = 2_500;
const LONGEST = 20_000;

/** Whether this round tries a stream. */
export function mayStream({ streams }: Losses): boolean {
  return streams < STREAM_TRIES || (streams - STREAM_TRIES) % RETRY_STREAM_EVERY === RETRY_STREAM_EVERY - 1;
}

/** Milliseconds to wait before the next round. */
export function afterwards({ answers, streams }: Losses, random: () => number = Math.random): number {
  if (answers === 0 && streams >= STREAM_TRIES) return POLL_EVERY;
  // Spread by a quarter each way, so that many pages do not come back in one instant after a restart.
  return Math.min(LONGEST, 500 * 2 ** Math.max(answers, streams)) * (0.75 + random() / 2);
}
