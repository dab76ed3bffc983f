// Components: versions and traffic, and where hosts own them, which release is served, exchanging it, trying it, going back.

import { confirmed } from '../ui/confirm';
import { h } from '../ui/dom';
import { bytes } from '../ui/words';
import { read, send, type Component, type Release, type Rollout } from './admin';
import { actionButton, moment, table, type Cell } from './parts';
import { askForRelease } from './release-form';
import { makeView, type View } from './view';

const HEADS = ['Component', 'Kind', 'Version', 'Digest', 'Requests', 'Errors', 'Average', 'Instances', 'Memory'];

export function components(): View {
  const view = makeView<{ components: Component[]; message: string | null }>({
    id: 'components', title: 'Components', hint: 'Versions and traffic since each host started; what is served to whom.', every: 15_000,
    read: () => read('/admin/components'),
    draw: ({ components: all, message }) => [
      message === null ? null : h('p', { class: 'hint' }, message),
      table('Components', HEADS, all.map(row), [4, 5, 6, 7, 8], true),
      ...(all.some(({ rollout }) => rollout !== undefined) ? [releases(all, () => view.start())] : []),
    ],
  });
  return view;
}

function row(one: Component): Cell[] {
  const rate = one.requests > 0 && one.errors > 0 ? `${one.errors} (${((one.errors / one.requests) * 100).toFixed(1)} %)` : one.errors;
  return [one.id, one.kind, one.version, short(one.digest), one.requests, rate, `${one.average_ms} ms`, one.instances, bytes(one.memory_bytes)];
}

function short(digest: string): HTMLElement {
  return h('code', { title: digest }, digest.replace('sha256:', '').slice(0, 12) || 'unknown');
}

const named = ({ source, digest }: Release): HTMLElement => h('span', { class: 'reason' }, short(digest), h('span', { class: 'hint release-source' }, source));

function releases(all: readonly Component[], done: () => void): HTMLElement {
  const rows = all.flatMap(({ id, rollout }) => (rollout === undefined ? [] : [[id, served(rollout), rollout.previous ? named(rollout.previous) : null, lastChange(rollout), actions(id, rollout, done)]]));
  return table('Releases', ['Component', 'Served', 'Before', 'Last change', 'Actions'], rows);
}

function served({ current, canary, candidate }: Rollout): HTMLElement {
  const others = canary === null ? null : h('span', { class: 'traffic', title: `${canary.weight} of 100 callers` },
    meter(canary.weight), h('span', {}, `${canary.weight} % `, short(canary.release.digest)));
  const coming = candidate === null ? null : h('span', { class: 'hint' }, 'Being prepared: ', short(candidate.release.digest), `, ready on ${candidate.hosts.length}`);
  return h('div', { class: 'reason' }, named(current), others, coming);
}

function meter(weight: number): HTMLMeterElement {
  return h('meter', { min: 0, max: 100, value: weight, 'aria-label': 'Share of callers' });
}

function lastChange({ last }: Rollout): Cell {
  if (last === null) return null;
  const why = last.reasons[0];
  return h('span', { class: 'reason' }, `${last.action}: ${last.outcome.replaceAll('_', ' ')}`, moment(last.at), why ? h('span', { class: 'hint' }, why.message) : null);
}

function actions(id: string, rollout: Rollout, done: () => void): HTMLElement {
  const path = `/admin/components/${encodeURIComponent(id)}`;
  const change = actionButton('Change…', `Change ${id}`, () => askForRelease(id, path), done);
  const all = rollout.canary && actionButton('To everybody', `Serve the tried release of ${id} to everybody`, () => swapCanary(id, path), done);
  const back = (rollout.previous ?? rollout.canary ?? rollout.candidate) && actionButton('Roll back', `Roll back ${id}`, () => rollBack(id, path, rollout), done);
  return h('span', { class: 'with-button' }, change, all, back);
}

async function swapCanary(id: string, path: string): Promise<{ message?: string }> {
  const yes = await confirmed({ title: `Serve the tried release of ${id} to everybody?`, words: 'Requests in work are finished by the release that began them. Rolling back stays possible.', yes: 'Serve it', no: 'Not yet' });
  return yes ? send('POST', `${path}/swap`, {}) : { message: 'Nothing was changed.' };
}

async function rollBack(id: string, path: string, { canary, candidate }: Rollout): Promise<{ message?: string }> {
  const words = candidate ? 'What is being prepared is given up.' : canary ? 'The trial ends; everybody is served what most are served now.' : 'What was served before is served again, at once.';
  const yes = await confirmed({ title: `Roll ${id} back?`, words, yes: 'Roll back', no: 'Leave it' });
  return yes ? send('POST', `${path}/rollback`, {}) : { message: 'Nothing was changed.' };
}
