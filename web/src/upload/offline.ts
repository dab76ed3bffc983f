// When the service could not be reached: the pictures stay where they are, and once this device is online again, sending them is
// offered anew.

import { announce } from '../ui/announce';
import { notice, showNotice } from '../ui/notice';

const KEPT = 'Your pictures are kept on this page.';

export function explainUnreachable(place: Element, again: () => void): void {
  if (navigator.onLine) {
    const words = `The service cannot be reached at the moment. ${KEPT} Please try again in a little while.`;
    return showNotice(place, notice('error', words, { action: { label: 'Try again', run: again } }));
  }
  const message = notice('warning', `You seem to be offline. ${KEPT} They can be sent as soon as the connection is back.`, { action: { label: 'Try again', run: again } });
  message.setAttribute('role', 'alert');
  showNotice(place, message);
  const offer = (): void => {
    // Something else may have been said meanwhile.
    if (!message.isConnected) return;
    const words = 'You are online again, and your pictures are still here.';
    showNotice(place, notice('info', words, { action: { label: 'Send them now', run: again } }));
    announce(words);
  };
  addEventListener('online', offer, { once: true });
}
