// Asks before something that cannot be taken back, in the browser's own modal dialog: focus stays inside, Escape leaves.

import { h } from './dom';

export interface Question {
  title: string;
  words: string;
  /** What the button that does it says. */
  yes: string;
  no: string;
}

/** Whether the person said yes. */
export function confirmed({ title, words, yes, no }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-words' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', { id: 'dialog-words' }, words),
      h('div', { class: 'dialog-buttons' },
        h('button', { type: 'button', class: 'button button-quiet', onclick: () => dialog.close('no') }, no),
        h('button', { type: 'button', class: 'button button-danger', onclick: () => dialog.close('yes') }, yes)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
