// Sends the pictures. XMLHttpRequest, because fetch cannot tell how much of a body has left.

import { addresses } from '../api/addresses';
import type { Wishes } from '../api/models';
import { problemFrom, ServiceError, unreachable } from '../api/problem';
import type { UploadAnswer } from '../api/types';

export interface Upload {
  files: readonly File[];
  /** What is left out is the model's own choice. */
  wishes: Wishes;
  /** The same key for the same pictures: a repeated upload then makes no second job. */
  idempotencyKey: string;
}

/** Resolves with the job; rejects with a ServiceError, or with an AbortError when `signal` fired. */
export function sendUpload(
  upload: Upload,
  onProgress: (sent: Sent) => void,
  signal: AbortSignal,
): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', addresses.upload);
    const headers = { Accept: 'application/json', 'Idempotency-Key': upload.idempotencyKey };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const sizes = upload.files.map((file) => file.size);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(sentOf(sizes, event.loaded, event.total));
    // That all has left is not always among the news of how much has.
    request.upload.onload = () => onProgress({ whole: 1, files: sizes.map(() => 1) });
    request.onload = () => settle(request, resolve, reject);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(formOf(upload));
  });
}

/** How much of an upload has left this browser, each from 0 to 1. */
export interface Sent {
  whole: number;
  files: readonly number[];
}

/** The pictures leave in their order, so the bytes that have left tell how much of each has. */
export function sentOf(sizes: readonly number[], loaded: number, total: number): Sent {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  // What is no picture (names, boundaries) is spread evenly over the rest.
  let left = total > 0 ? (loaded / total) * all : 0;
  const files = sizes.map((size) => {
    const share = size === 0 ? 1 : Math.min(1, Math.max(0, left / size));
    left -= size;
    return share;
  });
  return { whole: total > 0 ? Math.min(1, loaded / total) : 0, files };
}

function formOf({ files, wishes }: Upload): FormData {
  const form = new FormData();
  // Fields come first: the server reads the body as a stream and knows the options before the pictures.
  for (const [name, value] of Object.entries(wishes)) form.append(name, value);
  for (const file of files) form.append('files', file, file.name);
  return form;
}

function settle(request: XMLHttpRequest, resolve: (answer: UploadAnswer) => void, reject: (error: Error) => void): void {
  if (request.status < 200 || request.status > 299) {
    reject(problemFrom(request.status, request.getResponseHeader('Retry-After'), request.responseText));
    return;
  }
  try {
    resolve(JSON.parse(request.responseText) as UploadAnswer);
  } catch {
    reject(new ServiceError('The service gave an answer that this page cannot read. Try again in a moment.', { status: 502 }));
  }
}
