// One job of the stand-in service: files that advance by the clock, an event log with ids, streams that resume in it.

import { randomUUID } from 'node:crypto';
import { reliefGlb } from './relief_glb.mjs';

const ENDS = ['completed', 'failed', 'cancelled'];
const JOB_ENDS = ['completed', 'partially_completed', 'failed', 'cancelled'];

export class DoubleJob {
  id = randomUUID();
  log = [];
  streams = new Set();
  created = new Date();
  completed = null;
  /** Where the present run begins in the log. */
  begun = 0;
  #step;
  #timer;

  constructor(files, { failing = [], refused = [], step = 60, hold = () => Infinity } = {}) {
    this.failing = [...failing, ...refused];
    this.refused = refused;
    this.hold = hold;
    this.files = files.map((file) => ({
      ...file, id: randomUUID(), status: 'pending', progress: 0, message: '', error: null, restarts: 0,
      model: () => reliefGlb(file.bytes, file.type),
    }));
    this.#step = step;
    this.#timer = setInterval(() => this.advance(), step);
  }

  get state() {
    if (this.files.every((file) => file.status === 'cancelled')) return 'cancelled';
    if (!this.files.every((file) => ENDS.includes(file.status))) return this.files.some((file) => file.status !== 'pending') ? 'processing' : 'pending';
    const ready = this.files.filter((file) => file.status === 'completed').length;
    return ready === this.files.length ? 'completed' : ready === 0 ? 'failed' : 'partially_completed';
  }

  get overall() {
    return this.files.reduce((sum, file) => sum + (ENDS.includes(file.status) ? 100 : file.progress), 0) / this.files.length;
  }

  /** Lets held files go on. */
  release() {
    this.hold = () => Infinity;
  }

  stop() {
    clearInterval(this.#timer);
    this.cut();
  }

  /** Breaks every open stream, as a lost network does. */
  cut() {
    for (const response of this.streams) response.destroy();
    this.streams.clear();
  }

  /** Files that have not ended never will have a model. */
  /** What has not ended ends; `only` names the one file that is meant. */
  cancel(only) {
    for (const file of this.files) if (!ENDS.includes(file.status) && (!only || file.id === only)) this.#end(file, 'cancelled');
    this.advance();
  }

  /** Failed files begin anew, and come to their models this time. */
  retry(ids) {
    const failed = this.files.filter((file) => file.status === 'failed' && (!ids || ids.includes(file.id)));
    this.failing = this.failing.filter((index) => !failed.includes(this.files[index]));
    this.begun = this.log.length;
    for (const file of failed) {
      Object.assign(file, { status: 'pending', progress: 0, message: '', error: null, restarts: file.restarts + 1 });
      this.#tell({ type: 'progress', ...this.#news(file) });
    }
    this.completed = null;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.advance(), this.#step);
    return failed;
  }

  advance() {
    this.files.forEach((file, index) => {
      if (ENDS.includes(file.status) || file.progress >= this.hold(index)) return;
      file.progress = Math.min(100, file.progress + 9 - index);
      if (this.failing.includes(index) && file.progress > 40) return this.#end(file, 'failed');
      if (file.progress >= 100) return this.#end(file, 'completed');
      file.status = file.progress < 12 ? 'uploading' : file.progress < 25 ? 'queued_at_provider' : 'processing';
      file.message = { uploading: '', queued_at_provider: 'Position 2 in the queue', processing: 'Building the surface' }[file.status];
      this.#tell({ type: 'progress', ...this.#news(file) });
      if (file.status === 'processing') this.#tell({ type: 'log', job_id: this.id, file_id: file.id, message: `Mesh at ${file.progress} %`, level: 'INFO', timestamp: new Date().toISOString() });
    });
    if (!JOB_ENDS.includes(this.state)) return;
    clearInterval(this.#timer);
    this.completed = new Date();
    this.#tell({ type: 'job', job_id: this.id, status: this.state, overall_progress: 100 });
    for (const response of this.streams) response.end();
    this.streams.clear();
  }

  stream(response, after) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('retry: 200\n\n');
    const from = after ? this.log.findIndex(({ id }) => id === after) + 1 : this.begun;
    for (const { frame } of this.log.slice(from)) response.write(frame);
    if (JOB_ENDS.includes(this.state)) return response.end();
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  status() {
    return {
      job_id: this.id, status: this.state, progress: this.overall, overall_progress: this.overall, total_files: this.files.length,
      created_at: this.created.toISOString(), completed_at: this.completed?.toISOString() ?? null, expires_at: this.completed ? new Date(this.completed.getTime() + 86_400_000).toISOString() : null, eta_seconds: 40, queue_position: null, files: this.files.map((file) => ({ ...this.#news(file), rendered_image: null })),
    };
  }

  /** As a list of jobs tells it. */
  listed() {
    const count = (status) => this.files.filter((file) => file.status === status).length;
    return {
      job_id: this.id, status: this.state, first_filename: this.files[0].name, pictured_file_ids: this.files.filter(({ status }) => status !== 'cancelled').slice(0, 4).map(({ id }) => id), total_files: this.files.length,
      completed_files: count('completed'), failed_files: count('failed'), cancelled_files: count('cancelled'), created_at: this.created.toISOString(),
    };
  }

  #end(file, status) {
    file.status = status;
    file.message = '';
    if (status === 'failed') file.error = this.#failure(file);
    const { error, ...news } = this.#news(file);
    const why = error && { error: error.message, error_code: error.code, retryable: error.retryable };
    this.#tell({ type: status === 'completed' ? 'completed' : 'error', ...news, ...why });
  }

  #failure(file) {
    if (this.refused.includes(this.files.indexOf(file))) return { code: 'CONTENT_POLICY_VIOLATION', message: 'The model maker does not make models of such pictures.', retryable: false };
    return { code: 'NO_MODEL', message: 'The model maker found nothing in the picture that it could build.', retryable: true };
  }

  #news(file) {
    const { id, name, status, progress, message, error, restarts } = file;
    return { job_id: this.id, file_id: id, filename: name, status, progress, message, error, restarts, overall_progress: this.overall };
  }

  #tell(event) {
    const id = `${this.log.length + 1}-0`;
    const frame = `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
    this.log.push({ id, frame });
    for (const response of this.streams) response.write(frame);
  }
}
