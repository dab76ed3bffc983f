// Pictures from the service. One that did not come, because too much was asked at a time, is asked for again.

import { h } from './dom';

/** Waits before the next tries, in milliseconds. The last is longer than the minute that limits are counted by. */
const WAITS = [3_000, 12_000, 65_000];

interface Picture {
  class?: string;
  src: string;
  alt: string;
  width: number;
  height: number;
}

export function picture(options: Picture): HTMLImageElement {
  let losses = 0;
  const image: HTMLImageElement = h('img', { ...options, loading: 'lazy', onerror: () => {
    const wait = WAITS[losses++];
    // Setting an address anew has it asked for anew.
    if (wait !== undefined) setTimeout(() => (image.src = options.src), wait);
  } });
  return image;
}
