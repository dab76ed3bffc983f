// The operators' console. The part of the address after `#` names the view, so that each can be linked to.

import { components } from '../console/components';
import { history, jobs } from '../console/jobs';
import { keys } from '../console/keys';
import { deadLetters, tenants } from '../console/lists';
import { logs } from '../console/logs';
import { overview } from '../console/overview';
import type { View } from '../console/view';
import { showAccount } from '../ui/account';
import { byId, fill, h } from '../ui/dom';
import { showSimulatorBanner } from '../ui/simulator-banner';

const VIEWS: readonly [string, string, (rest: string) => View][] = [
  ['overview', 'Overview', overview],
  ['jobs', 'Jobs', (job) => (job === '' ? jobs() : history(job))],
  ['dead', 'Dead letters', deadLetters],
  ['spend', 'Spend', tenants],
  ['keys', 'Keys', keys],
  ['components', 'Components', components],
  ['logs', 'Logs', logs],
];

let current: View | null = null;

function show(moved: boolean): void {
  const [name = '', rest = ''] = location.hash.slice(1).split('/');
  const [id, title, make] = VIEWS.find(([candidate]) => candidate === name) ?? ['overview', 'Overview', overview];
  current?.stop();
  current = make(decodeURIComponent(rest));
  for (const link of byId('views').querySelectorAll('a')) {
    if (link.hash === `#${id}`) {
      link.setAttribute('aria-current', 'page');
      // On a phone the list of views is wider than the screen.
      link.scrollIntoView({ block: 'nearest', inline: 'center' });
    } else link.removeAttribute('aria-current');
  }
  document.title = `${title} · Console · Image2Model`;
  fill(byId('view'), current.element);
  current.start();
  if (moved) current.element.querySelector('h2')?.focus();
}

fill(byId('views'), ...VIEWS.map(([id, title]) => h('a', { href: `#${id}` }, title)));
addEventListener('hashchange', () => show(true));
addEventListener('pagehide', () => current?.stop());
addEventListener('pageshow', (event) => event.persisted && show(false));
show(false);
void showSimulatorBanner();
showAccount();
