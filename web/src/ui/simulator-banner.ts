// Says quietly that no real models are being made, when that is so.

import { isSimulated } from '../api/client';
import { byId, h } from './dom';

export async function showSimulatorBanner(): Promise<void> {
  if (!(await isSimulated())) return;
  byId('notices').append(
    h('p', { class: 'banner' }, 'Trial: models are made by a simulator, and nothing is charged'),
  );
}
