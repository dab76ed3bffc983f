// Asks the service and turns every way of failing into a ServiceError.

import { addresses } from './addresses';
import { problemFrom, ServiceError, unreachable } from './problem';
import { authorization, jobOfTask } from './session';
import type { StatusAnswer } from './types';

/** Longest wait for a plain question, in milliseconds. */
const PATIENCE = 20_000;

async function ask(address: string, signal?: AbortSignal): Promise<unknown> {
  const patience = AbortSignal.timeout(PATIENCE);
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(address, {
      headers: { Accept: 'application/json', ...authorization() },
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    body = await answer.text();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw unreachable();
  }
  if (!answer.ok) throw problemFrom(answer.status, answer.headers.get('Retry-After'), body);
  try {
    return JSON.parse(body);
  } catch {
    throw new ServiceError('The service answered something unreadable.', { status: 502 });
  }
}

/** The job as it is now. */
export async function getStatus(job: string, signal?: AbortSignal): Promise<StatusAnswer> {
  return (await ask(addresses.status(job), signal)) as StatusAnswer;
}

/** The job behind a task id; the id itself when the service knows no other. */
export async function findJobOfTask(taskId: string): Promise<string> {
  const known = jobOfTask(taskId);
  if (known) return known;
  const answer = (await ask(addresses.task(taskId))) as { job_id?: string; result?: { job_id?: string } | null };
  return answer.job_id ?? answer.result?.job_id ?? taskId;
}

/** Whether models are made by the simulator instead of FAL. A service that does not say so is taken at its word. */
export async function isSimulated(): Promise<boolean> {
  try {
    const health = (await ask(addresses.health)) as { fal?: unknown };
    return health.fal === 'simulated';
  } catch {
    return false;
  }
}
