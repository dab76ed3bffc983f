// Brings what has just appeared to where it is seen, and moves nothing when it is seen already.

export function reveal(element: Element): void {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  element.scrollIntoView({ block: 'nearest', behavior: still ? 'instant' : 'smooth' });
}
