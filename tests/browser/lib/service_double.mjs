// A stand-in for the service that fails on command: it serves the built pages under their strict CSP, and answers the
// few routes they call. It exists for the states that a healthy product does not show; the main job runs without it.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DoubleJob } from './double_job.mjs';

const DIST = fileURLToPath(new URL('../../../web/dist/', import.meta.url));
/** The narrowest policy under which every page works. */
export const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const PAGES = { '/': 'index.html', '/upload': 'index.html', '/processing': 'processing.html', '/results': 'processing.html', '/console': 'console.html' };
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8',
};

/** What the double can make, as a provider describes itself. */
export const TRIPO = {
  id: 'tripo3d', name: 'Tripo3D v2.5', formats: ['glb'], typical_seconds: 60,
  prices: [{ label: 'without texture', cents: 20 }, { label: 'standard texture', cents: 30 }, { label: 'HD texture', cents: 40 }],
  options_schema: {
    properties: {
      texture: { type: 'string', title: 'Texture', enum: ['no', 'standard', 'HD'], default: 'standard', description: 'How finely the model is coloured; decides the price.' },
      pbr: { type: 'boolean', title: 'PBR materials', default: false, description: 'Adds metalness and roughness, so that light falls naturally.' },
      orientation: { type: 'string', title: 'Orientation', enum: ['default', 'align_image'], default: 'default', description: 'align_image turns the model to face as the image does.' },
      seed: { type: 'integer', title: 'Seed', minimum: 0, maximum: 2147483647, description: 'The same seed gives the same shape again.' },
    },
  },
};

/**
 * Starts a double on a free port. Options: `key` (an API key to demand), `failing` (indexes of files that fail), `refused` (and always would),
 * `step` (milliseconds between two pieces of news), `simulated`, `refuse` (an error answer for uploads, used once),
 * `lose` (the answer to an upload is cut off, once), `until` (a promise that the answer to an upload waits for), `models` (what can be made), `noStream` (streams answer 503), `hold` (index → percent at which that file waits for `job.release()`).
 */
export async function startDouble(options = {}) {
  const jobs = new Map();
  const seen = [];
  const double = { jobs, seen, options };
  const server = createServer((request, response) => {
    answer(double, request, response).catch((error) => problem(response, 500, String(error)));
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  double.url = `http://127.0.0.1:${server.address().port}`;
  const { port } = server.address();
  /** Away for so many milliseconds, as in a restart; jobs go on. */
  double.away = async (milliseconds) => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await new Promise((waited) => setTimeout(waited, milliseconds));
    await new Promise((ready) => server.listen(port, '127.0.0.1', ready));
  };
  double.close = () => {
    for (const job of jobs.values()) job.stop();
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  };
  return double;
}

async function answer(double, request, response) {
  const url = new URL(request.url, 'http://double');
  const path = url.pathname.replace(/(.)\/$/, '$1');
  if (!path.startsWith('/api/v1/')) return sendPage(path, response);
  double.seen.push({ method: request.method, path, query: url.searchParams, headers: request.headers });
  const [area, ...rest] = path.slice('/api/v1/'.length).split('/');
  if (area === 'health') return json(response, 200, { status: 'healthy', ...(double.options.simulated ? { fal: 'simulated' } : {}) });
  if (area === 'session') return openSession(double, request, response);
  if (area === 'upload') return takeUpload(double, request, response);
  if (area === 'models') return json(response, 200, { models: double.options.models ?? [TRIPO], default_model: 'tripo3d', total: 1, upload_limits: { max_files: 25, max_file_bytes: 10 << 20, ...double.options.limits } });
  if (area === 'jobs' && rest.length === 0) return listJobs(double, request, url.searchParams, response);
  if (area === 'status' && rest[0] === 'tasks') return json(response, 200, { task_id: rest[1], status: 'processing', result: { job_id: rest[1].replace('task-', '') } });
  const streaming = area === 'status' && rest[0] === 'stream';
  const job = double.jobs.get(streaming ? rest[1] : rest[0]);
  if (!job) return problem(response, 404, 'No job has this id.', 'JOB_NOT_FOUND');
  if (streaming) return double.options.noStream ? problem(response, 503, 'Streams are away.') : job.stream(response, url.searchParams.get('last_event_id'));
  if (area === 'status') return json(response, 200, job.status());
  if (area === 'jobs') return changeJob(double, job, rest.slice(1), request, response);
  return sendResult(job, rest[1], rest[2], response);
}

const SESSION = 'image2model_session=of-the-double';
const hasSession = (request) => (request.headers.cookie ?? '').split('; ').includes(SESSION);

/** Exchanges the key for a session, or ends it. */
function openSession({ options: { key } }, request, response) {
  if (request.method === 'DELETE') return json(response, 200, { signed_in: false, role: null, expires_at: null }, { 'Set-Cookie': 'image2model_session=; Path=/; Max-Age=0' });
  if (request.headers.authorization !== `Bearer ${key}`) return problem(response, 403, 'Invalid API key', 'INVALID_API_KEY');
  json(response, 201, { signed_in: true, role: 'user', expires_at: null }, { 'Set-Cookie': `${SESSION}; Path=/; HttpOnly; SameSite=Strict` });
}

/** The caller's jobs, newest first; the cursor is the place of the next one. */
function listJobs({ jobs, options }, request, query, response) {
  const { key } = options;
  if (key && !hasSession(request)) return problem(response, 403, 'Not authenticated', 'NOT_AUTHENTICATED');
  const [name, status] = [query.get('filename')?.toLowerCase() ?? '', query.get('status')];
  const all = [...jobs.values()].reverse().filter((job) => job.files.some((file) => file.name.toLowerCase().includes(name)) && (!status || job.state === status));
  const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit') ?? 20)];
  const page = all.slice(from, from + limit);
  json(response, 200, { jobs: page.map((job) => job.listed()), next_cursor: from + limit < all.length ? String(from + limit) : null });
}

async function changeJob({ jobs }, job, [what, file], request, response) {
  if (request.method === 'DELETE' && what === 'data') {
    jobs.delete(job.id);
    return json(response, 200, { job_id: job.id, erased: true, message: 'The job is erased.' });
  }
  if (request.method === 'DELETE' && what === 'files') {
    job.cancel(file);
    return json(response, 202, { job_id: job.id, file_id: file, message: 'The file is cancelled.' });
  }
  if (request.method === 'DELETE') {
    job.cancel();
    return json(response, 202, { job_id: job.id, message: 'The job is cancelled.' });
  }
  const body = [];
  for await (const chunk of request) body.push(chunk);
  const files = job.retry(JSON.parse(Buffer.concat(body).toString() || '{}').files);
  if (files.length === 0) return problem(response, 409, 'No file of this job has failed.', 'NOTHING_TO_RETRY');
  json(response, 202, { job_id: job.id, retried_files: files.length, message: `${files.length} in line anew` });
}

async function takeUpload(double, request, response) {
  const body = [];
  for await (const chunk of request) body.push(chunk);
  const { key, refuse, until } = double.options;
  if (key && !hasSession(request)) return problem(response, 403, 'Not authenticated', 'NOT_AUTHENTICATED');
  if (refuse) {
    double.options.refuse = null;
    return problem(response, refuse.status, refuse.detail, refuse.error_code, refuse.details, refuse.headers);
  }
  const form = await new Response(Buffer.concat(body), { headers: { 'Content-Type': request.headers['content-type'] } }).formData();
  const files = [];
  for (const file of form.getAll('files')) files.push({ name: file.name, type: file.type, bytes: Buffer.from(await file.arrayBuffer()) });
  const job = new DoubleJob(files, double.options);
  double.jobs.set(job.id, job);
  job.faceLimit = form.get('face_limit');
  job.texture = form.get('texture');
  job.options = form.get('options');
  await until;
  if (double.options.lose) {
    double.options.lose = false;
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 });
    return response.write('{', () => response.destroy());
  }
  json(response, 200, {
    job_id: job.id, task_id: `task-${job.id}`, access_token: 'token-of-the-double', status: 'pending', total_files: files.length,
    files: job.files.map(({ id, name }) => ({ file_id: id, filename: name })),
  });
}

function sendResult(job, id, what, response) {
  if (id === 'all') return send(response, 200, 'application/zip', Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(26)]));
  const file = job.files.find((candidate) => candidate.id === id);
  if (!file) return problem(response, 404, 'No file has this id.');
  if (what === 'original' || what === 'thumbnail') return send(response, 200, file.type, file.bytes);
  if (what === 'model' && file.status === 'completed') return send(response, 200, 'model/gltf-binary', file.model());
  return problem(response, 409, `The model is ${file.status}.`);
}

async function sendPage(path, response) {
  const file = PAGES[path] ?? normalize(path).slice(1);
  try {
    const body = await readFile(join(DIST, file));
    send(response, 200, TYPES[extname(file)] ?? 'application/octet-stream', body, { 'Content-Security-Policy': PAGE_CSP });
  } catch {
    send(response, 404, TYPES['.html'], await readFile(join(DIST, '404.html')), { 'Content-Security-Policy': PAGE_CSP });
  }
}

function send(response, status, type, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length, 'X-Content-Type-Options': 'nosniff', ...headers });
  response.end(body);
}

function json(response, status, value, headers = {}) {
  send(response, status, status < 400 ? 'application/json' : 'application/problem+json', Buffer.from(JSON.stringify(value)), headers);
}

function problem(response, status, detail, error_code = `HTTP_${status}`, details = {}, headers = {}) {
  json(response, status, { type: 'about:blank', title: 'Refused', status, detail, error: true, error_code, message: detail, status_code: status, details }, headers);
}
