// One quiet line while this device is offline. Browsers know that at once; a connection that went with it is missed much later.

import { h, setText } from '../ui/dom';

const WORDS = 'You are offline. Your models are made all the same, and show here when you are back.';

export function offlineLine(): HTMLElement {
  const line = h('p', { class: 'offline hint', role: 'status' });
  const show = (): void => setText(line, navigator.onLine ? '' : WORDS);
  addEventListener('online', show);
  addEventListener('offline', show);
  show();
  return line;
}
