// Where the keyboard is, when what it was at may have gone.

/** Whether what has the keyboard cannot be used any more: it is hidden, or the browser let go of it. */
export function isFocusLost(): boolean {
  const { activeElement: at } = document;
  return at === null || at === document.body || (at instanceof HTMLElement && at.closest('[hidden]') !== null);
}
