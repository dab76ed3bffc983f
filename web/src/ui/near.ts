// Does something once an element is about to be seen.

/** How far below the window counts as about to be seen. */
const AHEAD = '400px';

export function whenNear(element: Element, work: () => void): void {
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    work();
  }, { rootMargin: AHEAD });
  watch.observe(element);
}
