// A notification when the job is done, for whoever asks for one and looks at something else meanwhile.

import { announce } from '../ui/announce';
import { h, setText } from '../ui/dom';
import { icon } from '../ui/icon';

export class NotifyButton {
  /** Null where the browser has no notifications (or allows them on secure addresses only). */
  readonly element: HTMLButtonElement | null;
  readonly #words = h('span', {}, 'Notify me when done');
  #wanted = false;

  constructor() {
    const can = globalThis.isSecureContext && 'Notification' in globalThis && Notification.permission !== 'denied';
    this.element = can
      ? h('button', { type: 'button', class: 'button button-quiet', 'aria-pressed': 'false', onclick: () => void this.#toggle() }, icon('bell'), this.#words)
      : null;
  }

  /** The job is done. Somebody who is looking at the page sees it anyway. */
  tell(title: string, job: string): void {
    if (!this.#wanted || !document.hidden) return;
    try {
      const note = new Notification(title, { icon: '/favicon.svg', tag: job });
      note.onclick = () => {
        globalThis.focus();
        note.close();
      };
    } catch {
      // Phones want a service worker for this; the page says it in its title all the same.
    }
  }

  async #toggle(): Promise<void> {
    const granted = this.#wanted ? false : (await Notification.requestPermission()) === 'granted';
    const refused = !this.#wanted && !granted;
    this.#wanted = granted;
    this.element?.setAttribute('aria-pressed', String(granted));
    setText(this.#words, refused ? 'The browser allows no notifications' : granted ? 'You will be notified' : 'Notify me when done');
    announce(this.#words.textContent);
  }
}
