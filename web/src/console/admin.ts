// Operators' questions, and the shapes of the answers as far as the console reads them.

import { ask } from '../api/client';
import type { JobSummary, StatusFile, StreamEvent } from '../api/types';

const API = '/api/v1';

/** Asks a route of operators; empty values of the query are left out. */
export async function read<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
  const set = Object.entries(query).filter(([, value]) => value !== '');
  const text = new URLSearchParams(set).toString();
  return (await ask(`${API}${path}${text === '' ? '' : `?${text}`}`)).body as T;
}

/** Asks a route that answers in plain text. */
export async function readText(path: string): Promise<string> {
  return (await ask(`${API}${path}`, { as: 'text' })).body as string;
}

/** `patience` in milliseconds, where the usual is too short. */
export async function send<T = { message?: string }>(method: 'POST' | 'DELETE', path: string, body?: unknown, patience?: number): Promise<T> {
  return (await ask(`${API}${path}`, { method, body, ...(patience === undefined ? {} : { patience }) })).body as T;
}

export interface Queue {
  name: string;
  waiting: number;
  running: number;
  delayed: number;
  paused: boolean;
  longest_wait_seconds: number;
}

export interface Component {
  id: string;
  kind: string;
  version: string;
  digest: string;
  requests: number;
  errors: number;
  average_ms: number;
  instances: number;
  memory_bytes: number;
  /** Where hosts own their components: which release is served, and which others there are. */
  rollout?: Rollout;
}

export interface Release {
  source: string;
  digest: string;
}

export interface Rollout {
  current: Release;
  previous: Release | null;
  canary: { release: Release; weight: number; at: string } | null;
  candidate: { release: Release; weight: number | null; at: string; hosts: string[] } | null;
  last: { action: string; outcome: string; at: string; reasons: { code: string; message: string }[] } | null;
}

export interface SystemInfo {
  application: { version: string };
  ready: boolean;
  fal: { mode: string; breaker: string; reachable: boolean };
  queues: { queues: Queue[]; totals: { waiting: number; running: number; delayed: number; dead: number; orphans: number } };
  workers: { id: string; host: string; running: number; version: string; started_at: string; fal: { breaker: string; reachable: boolean } }[];
  hosts: { id: string; role: string; uptime_seconds: number; process: { memory_bytes: number } | null; streams: { open: number } | null }[];
  disk: { free_bytes: number; total_bytes: number; takes_uploads: boolean } | null;
  redis: { version: string; used_memory_bytes: number; connected_clients: number; safe_for_jobs: boolean } | null;
  jobs: { known: number };
  components: { components: Component[]; message: string | null };
}

export interface Tenant {
  tenant: string;
  running: number;
  waiting: number;
  weight: number;
  max_concurrent: number | null;
  cost_usd: number;
}

export interface ListedJob extends JobSummary {
  tenant: string;
}

export interface JobHistory {
  job_id: string;
  status: string;
  created_at: string;
  files: StatusFile[];
  events: (StreamEvent & { id: string })[];
}

/** One whose job has expired has no more than its ids, its error and when it failed. */
export interface DeadLetter {
  dead_letter_id: string;
  job_id: string;
  file_id: string;
  error: { code: string; message: string };
  failed_at: string;
  replayable: boolean;
  filename?: string;
  attempts?: number;
}

export interface Key {
  id: string;
  name: string;
  role: string;
  state: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

export interface LogEntry {
  id: string;
  time: string;
  type: string;
  level: string;
  component?: string;
  message: string;
  job_id?: string;
  request_id?: string;
  fields?: Readonly<Record<string, unknown>>;
}

/** A page of anything. */
export type Page<Name extends string, Item> = Record<Name, Item[]> & { next_cursor: string | null };

/** So many of a list's entries, a page after the other, so that what is shown stays true as a whole. */
export async function pagesOf<Name extends string, Item>(name: Name, page: (cursor: string) => Promise<Page<Name, Item>>, wanted: number, size: number): Promise<Page<Name, Item>> {
  const all: Item[] = [];
  let cursor: string | null = '';
  while (cursor !== null && all.length < wanted) {
    const next: Page<Name, Item> = await page(cursor);
    all.push(...next[name]);
    cursor = next.next_cursor;
    // A filter that few entries pass may leave a page short; one more is asked for on demand only.
    if (next[name].length < size) break;
  }
  return { [name]: all, next_cursor: cursor } as Page<Name, Item>;
}
