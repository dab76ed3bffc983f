// Asks the service and turns every way of failing into a ServiceError.

import { addresses } from './addresses';
import type { ModelsAnswer } from './models';
import { problemFrom, ServiceError, unreachable } from './problem';
import { jobOfTask } from './session';
import type { JobList, SharedLink, StatusAnswer } from './types';

/** Longest wait for a plain question, in milliseconds. */
const PATIENCE = 20_000;
/** The same for a model, which may be of many megabytes. */
const MODEL_PATIENCE = 300_000;

interface Question {
  method?: string;
  /** Sent as JSON; bytes as they are, as what they are. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Milliseconds. */
  patience?: number;
  /** What the answer is, where it is not JSON. */
  as?: 'text';
}

interface Answer {
  status: number;
  body: unknown;
  headers: Headers;
}

/** One question and its answer; rejects with a ServiceError unless the answer is a good one. */
export async function ask(address: string, { method = 'GET', body, headers = {}, signal, patience = PATIENCE, as }: Question = {}): Promise<Answer> {
  const limit = AbortSignal.timeout(patience);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(address, {
      method,
      headers: { Accept: as === 'text' ? 'text/plain' : 'application/json', ...(body === undefined ? {} : { 'Content-Type': body instanceof Blob ? body.type : 'application/json' }), ...headers },
      cache: 'no-store',
      body: body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    text = await answer.text();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw unreachable();
  }
  if (answer.status === 304) return { status: 304, body: null, headers: answer.headers };
  if (!answer.ok) throw problemFrom(answer.status, answer.headers.get('Retry-After'), text);
  if (as === 'text') return { status: answer.status, body: text, headers: answer.headers };
  try {
    return { status: answer.status, body: JSON.parse(text), headers: answer.headers };
  } catch {
    throw new ServiceError('The service gave an answer that this page cannot read. Try again in a moment.', { status: 502 });
  }
}

/** The answer, where it is a good one; its body is not read. */
async function fetched(address: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(address, init).catch(() => {
    throw unreachable();
  });
  if (!answer.ok) throw problemFrom(answer.status, answer.headers.get('Retry-After'), await answer.text().catch(() => ''));
  return answer;
}

/** A model's file, from the browser's cache where it is there. */
export async function getModel(address: string): Promise<Blob> {
  const answer = await fetched(address, { signal: AbortSignal.timeout(MODEL_PATIENCE) });
  return answer.blob().catch(() => {
    throw unreachable();
  });
}

/** Whether a file is to be had now; rejects with the ServiceError that says why not. Nothing of it is fetched. */
export async function findFile(address: string): Promise<void> {
  await fetched(address, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
}

/** A job's status with its entity tag; `answer` is null when it is the one of that tag still. */
export interface TaggedStatus {
  answer: StatusAnswer | null;
  tag: string | null;
  /** The service's clock, in milliseconds since 1970. */
  now: number;
}

/** The job as it is now. */
export async function getStatus(job: string, signal?: AbortSignal): Promise<TaggedStatus> {
  const { body, headers } = await ask(addresses.status(job), { signal });
  return { answer: body as StatusAnswer, tag: headers.get('ETag'), now: clockOf(headers) };
}

/** The job as soon as it is another than the one of `tag`, at the latest after so many seconds. */
export async function awaitStatus(job: string, tag: string | null, seconds: number, signal?: AbortSignal): Promise<TaggedStatus> {
  const headers: Record<string, string> = tag === null ? {} : { 'If-None-Match': tag };
  const answer = await ask(addresses.status(job, seconds), { headers, signal, patience: seconds * 1000 + PATIENCE });
  return { answer: answer.body as StatusAnswer | null, tag: answer.headers.get('ETag') ?? tag, now: clockOf(answer.headers) };
}

/** Cancels what of a job has not ended; returns the service's words. */
export async function cancelJob(job: string): Promise<string> {
  return wordsOf(await ask(addresses.job(job), { method: 'DELETE' }));
}

/** Cancels one file of a job; returns the service's words. */
export async function cancelFile(job: string, file: string): Promise<string> {
  return wordsOf(await ask(addresses.file(job, file), { method: 'DELETE' }));
}

/** Removes a job with its photographs and models; one under way is cancelled first. Returns the service's words. */
export async function eraseJob(job: string): Promise<string> {
  return wordsOf(await ask(addresses.data(job), { method: 'DELETE' }));
}

/** Puts failed files in line anew; returns the service's words. */
export async function retryFiles(job: string, files: readonly string[]): Promise<string> {
  return wordsOf(await ask(addresses.retry(job), { method: 'POST', body: { files } }));
}

/** A link with which somebody without a key may look at the job, for so many seconds. */
export async function shareJob(job: string, seconds: number): Promise<SharedLink> {
  return (await ask(addresses.share(job), { method: 'POST', body: { expires_in_seconds: seconds } })).body as SharedLink;
}

/** Takes back every link to the job; returns the service's words. */
export async function withdrawLinks(job: string): Promise<string> {
  return wordsOf(await ask(addresses.share(job), { method: 'DELETE' }));
}

/** A page of the caller's jobs, newest first. */
export async function listJobs(query: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<JobList> {
  return (await ask(addresses.jobs(query), { signal })).body as JobList;
}

/** What can be made here. */
export async function getModels(): Promise<ModelsAnswer> {
  return (await ask(addresses.models)).body as ModelsAnswer;
}

/** The job behind a task id; the id itself when the service knows no other. */
export async function findJobOfTask(taskId: string): Promise<string> {
  const known = jobOfTask(taskId);
  if (known) return known;
  const answer = (await ask(addresses.task(taskId))).body as { job_id?: string; result?: { job_id?: string } | null };
  return answer.job_id ?? answer.result?.job_id ?? taskId;
}

/** Whether models are made by the simulator instead of FAL. A service that does not say so is taken at its word. */
export async function isSimulated(): Promise<boolean> {
  try {
    const health = (await ask(addresses.health)).body as { fal?: unknown };
    return health.fal === 'simulated';
  } catch {
    return false;
  }
}

/** What the service's clock said, so that a wrong clock here does not falsify a duration. */
function clockOf(headers: Headers): number {
  const told = Date.parse(headers.get('Date') ?? '');
  return Number.isNaN(told) ? Date.now() : told;
}

function wordsOf({ body }: Answer): string {
  const { message } = (body ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : '';
}
