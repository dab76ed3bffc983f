// One job of the stand-in service: files that advance by the clock, an event log with ids, streams that resume in it.

import { randomUUID } from 'node:crypto';
import { reliefGlb } from './relief_glb.mjs';

const ENDS = ['completed', 'failed', 'cancelled'];

export class DoubleJob {
  id = randomUUID();
  log = [];
  streams = new Set();
  #timer;

  constructor(files, { failing = [], step = 60, hold = () => Infinity } = {}) {
    this.failing = failing;
    this.hold = hold;
    this.files = files.map((file) => ({
      ...file, id: randomUUID(), status: 'pending', progress: 0, message: '', error: null,
      model: () => reliefGlb(file.bytes, file.type),
    }));
    this.#timer = setInterval(() => this.advance(), step);
  }

  get state() {
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

  advance() {
    this.files.forEach((file, index) => {
      if (ENDS.includes(file.status) || file.progress >= this.hold(index)) return;
      file.progress = Math.min(100, file.progress + 9 - index);
      if (this.failing.includes(index) && file.progress > 40) return this.#end(file, 'failed');
      if (file.progress >= 100) return this.#end(file, 'completed');
      file.status = file.progress < 12 ? 'uploading' : file.progress < 25 ? 'queued_at_provider' : 'processing';
      file.message = { uploading: '', queued_at_provider: 'Position 2 in the queue', processing: 'Building the surface' }[file.status];
      this.#tell({ type: 'progress', ...this.#news(file) });
    });
    if (!ENDS.includes(this.state) && this.state !== 'partially_completed') return;
    clearInterval(this.#timer);
    this.#tell({ type: 'job', job_id: this.id, status: this.state, overall_progress: 100 });
    for (const response of this.streams) response.end();
  }

  stream(response, after) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write('retry: 200\n\n');
    const from = after ? this.log.findIndex(({ id }) => id === after) + 1 : 0;
    for (const { frame } of this.log.slice(from)) response.write(frame);
    if (['completed', 'partially_completed', 'failed'].includes(this.state)) return response.end();
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  status() {
    return {
      job_id: this.id, status: this.state, progress: this.overall, overall_progress: this.overall, total_files: this.files.length,
      eta_seconds: 40, queue_position: null, files: this.files.map((file) => ({ ...this.#news(file), rendered_image: null })),
    };
  }

  #end(file, status) {
    file.status = status;
    file.message = '';
    if (status === 'failed') file.error = { code: 'CONTENT_REFUSED', message: 'The model maker found nothing in the picture that it could build.', retryable: false };
    const { error, ...news } = this.#news(file);
    const why = error && { error: error.message, error_code: error.code, retryable: error.retryable };
    this.#tell({ type: status === 'failed' ? 'error' : 'completed', ...news, ...why });
  }

  #news(file) {
    const { id, name, status, progress, message, error } = file;
    return { job_id: this.id, file_id: id, filename: name, status, progress, message, error, overall_progress: this.overall };
  }

  #tell(event) {
    const id = `${this.log.length + 1}-0`;
    const frame = `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
    this.log.push({ id, frame });
    for (const response of this.streams) response.write(frame);
  }
}
