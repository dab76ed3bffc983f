// What this browser tab remembers, in sessionStorage only: the token that a guest came with, a job's task id and the small pictures
// of its files. No key is among it (`account.ts`). Where storage is refused or full, the page remembers it until it is left.

const token = (job: string): string => `image2model.token.${job}`;
const task = (taskId: string): string => `image2model.task.${taskId}`;
const thumbnails = (job: string): string => `image2model.thumbnails.${job}`;

/** What storage did not take. */
const unkept = new Map<string, string>();

function read(name: string): string | null {
  const here = unkept.get(name);
  if (here !== undefined) return here;
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Whether it outlives the page. */
function write(name: string, value: string): boolean {
  try {
    sessionStorage.setItem(name, value);
    unkept.delete(name);
    return true;
  } catch {
    unkept.set(name, value);
    return false;
  }
}

/** The job's token, from a shared link: what a guest has in place of a session. A guest looks, and changes nothing. */
export const accessToken = (job: string): string | null => read(token(job));

/** Whether it is still there after a reload. */
export const rememberToken = (job: string, value: string): boolean => write(token(job), value);

/** A link that has ended would go on making a guest of somebody who signs in. */
export function forgetToken(job: string): void {
  unkept.delete(token(job));
  try {
    sessionStorage.removeItem(token(job));
  } catch {
    // Then nothing was kept.
  }
}

/** The job of a task this tab started. */
export const jobOfTask = (taskId: string): string | null => read(task(taskId));

export function rememberTask(taskId: string, job: string): void {
  write(task(taskId), job);
}

/** A remembered object; an empty one when there is none. */
export function readJson(name: string): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(read(name) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export function writeJson(name: string, value: Readonly<Record<string, unknown>>): void {
  write(name, JSON.stringify(value));
}

/** Small pictures by file id, as data URLs. */
export const thumbnailsOf = (job: string): Record<string, string> => readJson(thumbnails(job)) as Record<string, string>;

export const rememberThumbnails = (job: string, byFile: Record<string, string>): void => writeJson(thumbnails(job), byFile);
