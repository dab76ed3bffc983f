// Sends the pictures. XMLHttpRequest, because fetch cannot tell how much of a body has left.

import { addresses } from '../api/addresses';
import { problemFrom, ServiceError, unreachable } from '../api/problem';
import { authorization } from '../api/session';
import type { UploadAnswer } from '../api/types';

export interface Upload {
  files: readonly File[];
  /** Null leaves the choice to the provider. */
  faceLimit: number | null;
  /** The same key for the same pictures: a repeated upload then makes no second job. */
  idempotencyKey: string;
}

/** Resolves with the job; rejects with a ServiceError, or with an AbortError when `signal` fired. */
export function sendUpload(
  upload: Upload,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', addresses.upload);
    const headers = { Accept: 'application/json', 'Idempotency-Key': upload.idempotencyKey, ...authorization() };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => settle(request, resolve, reject);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(formOf(upload));
  });
}

function formOf({ files, faceLimit }: Upload): FormData {
  const form = new FormData();
  // Fields come first: the server reads the body as a stream and knows the options before the pictures.
  if (faceLimit !== null) form.append('face_limit', String(faceLimit));
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
    reject(new ServiceError('The service answered something unreadable.', { status: 502 }));
  }
}

/** A fresh idempotency key. `crypto.randomUUID` is missing on plain-HTTP addresses, `getRandomValues` is not. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
