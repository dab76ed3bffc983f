// Puts a model into the room. Where that is another program's doing (Scene Viewer on Android), it fetches the model itself and has
// no cookie of ours: it is given an address that opens this one job for a few minutes, for looking only.

import { addresses } from '../api/addresses';
import { shareJob } from '../api/client';
import { accessToken } from '../api/session';
import { announce } from '../ui/announce';
import { h } from '../ui/dom';
import { icon } from '../ui/icon';

/** The other program asks at once; its user may look for a while and have it ask again. */
const SECONDS = 600;

/** As much of the viewer as is used here. */
interface RoomViewer {
  src: string | null;
  activateAR: () => Promise<void>;
}

export interface RoomOptions {
  name: string;
  sourceForOthers: () => Promise<string>;
}

/** Address of a model for another program; a guest's own is as good as any that could be had. */
export async function sourceForOthers(job: string, file: string): Promise<string> {
  if (accessToken(job) !== null) return addresses.model(job, file);
  const { access_token: token } = await shareJob(job, SECONDS);
  return token === null ? addresses.model(job, file) : addresses.modelFor(job, file, token);
}

/** The viewer's own button, which it shows where the device can. */
export function roomButton(options: RoomOptions, viewer: () => HTMLElement): HTMLElement {
  const button = h('button', { slot: 'ar-button', type: 'button', class: 'button button-quiet room', 'aria-label': `View in your space: ${options.name}`, onclick: (event) => {
    // The viewer would begin at once, with an address that others cannot open.
    event.stopPropagation();
    button.disabled = true;
    void enter(viewer() as unknown as RoomViewer, options).finally(() => (button.disabled = false));
  } }, icon('cube'), 'View in your space');
  return button;
}

async function enter(viewer: RoomViewer, { sourceForOthers: permitted }: RoomOptions): Promise<void> {
  try {
    const address = await permitted();
    const source = viewer.src;
    // Read as it begins, and put back before the viewer would fetch anew what it has.
    viewer.src = address;
    const begun = viewer.activateAR();
    viewer.src = source;
    await begun;
  } catch {
    announce('The model cannot be put into the room now. Try again.');
  }
}
