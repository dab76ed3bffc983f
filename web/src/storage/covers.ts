// Small pictures of the jobs that were uploaded from this browser, so that the list of jobs can be read at a glance.
// The service lists jobs without pictures; a job from elsewhere has a plain sign instead.

import { readAll, removeOne, writeOne } from './database';

/** Pictures kept of one job. */
const PICTURES = 4;
/** Jobs whose pictures are kept. */
const JOBS = 60;

interface Cover {
  job: string;
  /** Milliseconds since 1970. */
  at: number;
  /** Data URLs. */
  pictures: string[];
}

const isCover = (value: unknown): value is Cover =>
  typeof value === 'object' && value !== null && 'job' in value && 'at' in value && 'pictures' in value && Array.isArray(value.pictures);

/** Keeps the first pictures of a job, and lets the oldest job's go when there are too many. */
export async function keepCover(job: string, pictures: readonly string[], now = Date.now()): Promise<void> {
  if (pictures.length === 0) return;
  const cover: Cover = { job, at: now, pictures: pictures.slice(0, PICTURES) };
  await writeOne('covers', job, cover);
  const all = (await readAll('covers')).filter(isCover).sort((a, b) => b.at - a.at);
  for (const old of all.slice(JOBS)) await removeOne('covers', old.job);
}

/** The kept pictures, by job. */
export async function readCovers(): Promise<Map<string, readonly string[]>> {
  const covers = (await readAll('covers')).filter(isCover);
  return new Map(covers.map(({ job, pictures }) => [job, pictures]));
}
