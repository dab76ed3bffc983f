// Waits for a time, but no longer than until something happens that may have changed what is waited for.

/** What ends a wait: an event of something and, where not each counts, whether it does. */
export type Sooner = [target: EventTarget, event: string, counts?: () => boolean];

export function pause(milliseconds: number, sooner: readonly Sooner[]): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const done = (): void => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    for (const [target, event, counts] of sooner) target.addEventListener(event, () => (counts?.() ?? true) && done(), { signal: over.signal });
  });
}
