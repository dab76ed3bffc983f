// Addresses of the service and of the pages. A guest's access token rides in the query, because images, model viewers and
// downloads cannot send headers; whoever has a session needs none.

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
  models: `${API}/models/available`,
  health: `${API}/health`,
  task: (taskId: string): string => `${API}/status/tasks/${id(taskId)}`,
  status: (job: string, wait = 0): string => ofJob(`/status/${id(job)}`, job, wait > 0 ? { wait: String(wait) } : {}),
  job: (job: string): string => ofJob(`/jobs/${id(job)}`, job),
  file: (job: string, file: string): string => ofJob(`/jobs/${id(job)}/files/${id(file)}`, job),
  data: (job: string): string => ofJob(`/jobs/${id(job)}/data`, job),
  retry: (job: string): string => ofJob(`/jobs/${id(job)}/retry`, job),
  share: (job: string): string => ofJob(`/jobs/${id(job)}/share`, job),
  jobs: (query: Readonly<Record<string, string>>): string => `${API}/jobs?${new URLSearchParams(query)}`,
  stream: (job: string, lastEventId: string): string =>
    ofJob(`/status/stream/${id(job)}`, job, lastEventId === '' ? {} : { last_event_id: lastEventId }),
  model: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/model`, job, { stream: '1' }),
  /** The same for another program, which has neither our cookie nor our tab's token. */
  modelFor: (job: string, file: string, token: string): string =>
    `${API}/download/${id(job)}/${id(file)}/model?${new URLSearchParams({ stream: '1', access_token: token })}`,
  preview: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/preview`, job, { stream: '1' }),
  thumbnail: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/thumbnail`, job),
  original: (job: string, file: string): string => ofJob(`/download/${id(job)}/${id(file)}/original`, job),
  zip: (job: string): string => ofJob(`/download/${id(job)}/all`, job, { format: 'zip' }),
};

export const pages = {
  upload: '/upload',
  jobs: '/results',
  processing: (job: string): string => `/processing?job=${id(job)}`,
  /** The same for whoever has no key. */
  shared: (job: string, token: string): string => `/processing?job=${id(job)}&access_token=${id(token)}`,
};
