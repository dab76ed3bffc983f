// The browser tab tells how far the job is: in its title, and in its sign, a ring that closes.

import type { JobState } from './job-state';

/** Steps of the ring; a new sign for every percent would flicker. */
const STEP = 4;
const AROUND = 2 * Math.PI * 12;

let shown = '';

export function showInTab(state: JobState, title: string): void {
  const percent = Math.round(state.overall);
  document.title = state.ended ? `${title} · Image2Model` : `${percent} % · Image2Model`;
  const sign = signOf(state);
  if (sign === shown) return;
  shown = sign;
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link) link.href = sign;
}

/** Address of the tab's sign: the ring while work is under way, a dot of its outcome afterwards. */
export function signOf(state: Pick<JobState, 'ended' | 'overall' | 'status'>): string {
  if (!state.ended) return svg(ring(Math.floor(state.overall / STEP) * STEP));
  if (state.status === 'completed') return svg('<circle cx="16" cy="16" r="15" fill="#2f8f78"/><path d="M9 16.5l5 5 9-10" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/>');
  if (state.status === 'cancelled') return '/favicon.svg';
  return svg('<circle cx="16" cy="16" r="15" fill="#b3502f"/><path d="M16 8v10M16 23.5v.01" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"/>');
}

function ring(percent: number): string {
  const done = ((percent / 100) * AROUND).toFixed(1);
  return '<circle cx="16" cy="16" r="12" fill="none" stroke="#8d877a" stroke-opacity=".45" stroke-width="7"/>' +
    `<circle cx="16" cy="16" r="12" fill="none" stroke="#2f8f78" stroke-width="7" stroke-dasharray="${done} 100" transform="rotate(-90 16 16)"/>`;
}

const svg = (inside: string): string =>
  `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${inside}</svg>`)}`;
