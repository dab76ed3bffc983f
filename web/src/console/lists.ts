// Spend per tenant, and dead letters with what can be done about them.

import { h } from '../ui/dom';
import { read, send, type DeadLetter, type Page, type Tenant } from './admin';
import { actionButton, moment, table } from './parts';
import { makeView, type View } from './view';

export function tenants(): View {
  return makeView<{ tenants: Tenant[] }>({
    id: 'spend', title: 'Spend', hint: 'What the models of each tenant (whoever has a key) have cost, and how often it is their turn.', every: 15_000,
    read: () => read('/admin/tenants'),
    draw: ({ tenants: all }) => [table('Tenants', ['Tenant', 'Cost', 'Running', 'Waiting', 'Weight', 'At once'], all.map((one) =>
      [h('code', {}, one.tenant), `$${one.cost_usd.toFixed(2)}`, one.running, one.waiting, one.weight, one.max_concurrent ?? 'No cap']), [1, 2, 3, 4, 5], true)],
  });
}

export function deadLetters(): View {
  const view = makeView<Page<'tasks', DeadLetter>>({
    id: 'dead', title: 'Dead letters', hint: 'Pictures of which no model could be made, the newest first. Replaying one tries it again.', every: 15_000,
    read: () => read('/admin/tasks', { state: 'dead' }),
    draw: ({ tasks, next_cursor }) => [
      table('Dead letters', ['File', 'Why', 'Attempts', 'When', 'Job', 'Actions'], tasks.map((one) => [
        fileOf(one), h('span', { class: 'reason' }, one.error.message, h('code', {}, one.error.code)), one.attempts ?? null, moment(one.failed_at),
        // A job that has expired has no page.
        one.replayable ? h('a', { href: `#jobs/${one.job_id}` }, one.job_id.slice(0, 8)) : one.job_id.slice(0, 8),
        h('span', { class: 'with-button' },
          one.replayable ? actionButton('Replay', `Replay ${fileOf(one)} of ${one.dead_letter_id}`, () => send('POST', `/admin/dead-letters/${encodeURIComponent(one.dead_letter_id)}/replay`), () => view.start()) : 'Not replayable',
          actionButton('Forget', `Forget ${fileOf(one)} of ${one.dead_letter_id}`, () => send('DELETE', `/admin/dead-letters/${encodeURIComponent(one.dead_letter_id)}`), () => view.start())),
      ]), [2], true),
      next_cursor === null ? null : h('p', { class: 'hint' }, 'Only the newest are shown here.'),
    ],
  });
  return view;
}

/** What its file is called; once its job has expired, by what it can still be found in the logs. */
export const fileOf = ({ filename, file_id }: DeadLetter): string => filename ?? `file ${file_id.slice(0, 8)}`;
