// What Swagger UI's markup leaves to be wished, mended after each of its drawings: regions and fields with names, samples that
// scroll by keyboard, and no link within a button (which does the same).

const NAMES: readonly [string, (element: Element) => string][] = [
  ['.information-container', () => 'About this API'],
  ['.scheme-container', () => 'Server and keys'],
  ['table[role="region"]', (element) => `Responses of ${element.closest('.opblock')?.querySelector('.opblock-summary-path')?.textContent ?? 'this'}`],
  ['#servers', () => 'Server'],
  ['.examples-select-element', () => 'Example'],
  ['.parameters-col_description select', (element) => element.closest('[data-param-name]')?.getAttribute('data-param-name') ?? 'Value'],
  ['.close-modal', () => 'Close'],
];

function mend(place: Element): void {
  for (const part of place.querySelectorAll('.information-container, .scheme-container')) part.setAttribute('role', 'region');
  for (const link of place.querySelectorAll('.opblock-summary-control a[href]')) link.removeAttribute('href');
  for (const sample of place.querySelectorAll('pre.microlight:not([tabindex])')) sample.setAttribute('tabindex', '0');
  for (const [selector, name] of NAMES) {
    for (const element of place.querySelectorAll(`${selector}:not([aria-label])`)) element.setAttribute('aria-label', name(element));
  }
}

/** Mends it now, and whenever something is drawn. */
export function keepMended(place: Element): void {
  let asked = false;
  const soon = (): void => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      mend(place);
    });
  };
  new MutationObserver(soon).observe(place, { childList: true, subtree: true });
  soon();
}
