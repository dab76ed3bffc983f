// Server-sent events over fetch. EventSource hides the HTTP status, comments and silence; a job page has to tell
// "unknown job" from "server restarting", and to notice a connection that died without a word.

import { problemFrom, unreachable } from '../api/problem';
import { Watchdog } from './watchdog';

/** One event as the server framed it. */
export interface ServerEvent {
  id: string | null;
  name: string;
  data: string;
}

/** Parses `text/event-stream` chunk by chunk (WHATWG HTML §9.2.6). */
export class EventParser {
  #rest = '';
  #data: string[] = [];
  #name = '';
  #id: string | null = null;
  /** The server's `retry:` hint, in milliseconds. */
  retry: number | null = null;

  /** Returns the events completed by this chunk. */
  push(chunk: string): ServerEvent[] {
    const text = this.#rest + chunk;
    // A CR at the end may be the first half of a CR LF: it waits for the next chunk.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): ServerEvent[] {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return [];
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    return [];
  }

  #dispatch(): ServerEvent[] {
    const event = { id: this.#id, name: this.#name || 'message', data: this.#data.join('\n') };
    const empty = this.#data.length === 0;
    this.#data = [];
    this.#name = '';
    return empty ? [] : [event];
  }
}

export interface StreamOptions {
  signal: AbortSignal;
  /** The first bytes have arrived. */
  onOpen: () => void;
  onEvent: (event: ServerEvent) => void;
  /** Asked after every chunk: whether the reader has all it came for. */
  enough: () => boolean;
  /** Longest silence before the first bytes, in milliseconds. */
  firstSilence: number;
  /** Longest silence afterwards, in milliseconds. */
  silence: number;
}

/** How a stream ended without being lost. */
export interface StreamEnd {
  /** The server's hint for when to come back, in milliseconds. */
  retry: number | null;
}

/** Reads one connection to its end. Rejects when it is refused (ServiceError) or lost. */
export async function readStream(address: string, options: StreamOptions): Promise<StreamEnd> {
  const watchdog = new Watchdog(options.firstSilence);
  try {
    const answer = await fetch(address, {
      headers: { Accept: 'text/event-stream' },
      cache: 'no-store',
      signal: AbortSignal.any([options.signal, watchdog.signal]),
    });
    if (answer.status === 204) return { retry: null };
    if (!answer.ok) throw problemFrom(answer.status, answer.headers.get('Retry-After'), await answer.text());
    if (answer.body === null) throw unreachable();
    return await readEvents(answer.body, watchdog, options);
  } finally {
    watchdog.stop();
  }
}

async function readEvents(body: ReadableStream<Uint8Array<ArrayBuffer>>, watchdog: Watchdog, options: StreamOptions): Promise<StreamEnd> {
  const parser = new EventParser();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let open = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return { retry: parser.retry };
    watchdog.restart(options.silence);
    if (!open) options.onOpen();
    open = true;
    parser.push(value).forEach(options.onEvent);
    if (options.enough()) {
      await reader.cancel();
      return { retry: parser.retry };
    }
  }
}
