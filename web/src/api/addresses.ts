// Addresses of the service and of the pages. A job's access token rides in the query, because images, model
// viewers and downloads cannot send headers.

import { accessToken } from './session';

const API = '/api/v1';
const id = encodeURIComponent;

function ofJob(path: string, job: string, query: Record<string, string> = {}): string {
  const parameters = new URLSearchParams(query);
  const token = accessToken(job);
  if (token) parameters.set('access_token', token);
  const text = parameters.toString();
  return text === '' ? `${API}${path}` : `${API}${path}?${text}`;
}

export const addresses = {
  upload: `${API}/upload`,
  health: `${API}/health`,
  task: (taskId: string): string => `${API}/status/tasks/${id(taskId)}`,
  status: (job: string): string => ofJob(`/status/${id(job)}`, job),
  stream: (job: string, lastEventId: string): string =>
    ofJob(`/status/stream/${id(job)}`, job, lastEventId === '' ? {} : { last_event_id: lastEventId }),
  model: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/model`, job, { stream: '1' }),
  preview: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/preview`, job, { stream: '1' }),
  original: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/original`, job),
  zip: (job: string): string => ofJob(`/download/${id(job)}/all`, job, { format: 'zip' }),
};

export const pages = {
  upload: '/upload',
  processing: (job: string): string => `/processing?job=${id(job)}`,
};
