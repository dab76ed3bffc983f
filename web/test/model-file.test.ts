// A model that the service cannot give now is asked for again; one that it will never give is not.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServiceError, unreachable } from '../src/api/problem';
import { untilAnswered, waitAfter } from '../src/results/model-file';

const passing = (retryAfter: number | null): ServiceError => new ServiceError('Too many requests.', { status: 429, retryAfter });

describe('waitAfter', () => {
  it('waits as long as the service asks, and longer after each loss where it asks for nothing', () => {
    expect(waitAfter(0, 7, () => 0)).toBe(7_000);
    expect([0, 1, 2, 9].map((losses) => waitAfter(losses, null, () => 0))).toEqual([1_000, 2_000, 4_000, 30_000]);
    expect(waitAfter(0, 7, () => 1)).toBe(8_000);
  });
});

describe('untilAnswered', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('asks again after the time that the service names, and says that it waits', async () => {
    const onWait = vi.fn();
    const work = vi.fn().mockRejectedValueOnce(passing(5)).mockResolvedValue('model');
    const done = untilAnswered(work, onWait, () => 0);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(work).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    await expect(done).resolves.toBe('model');
    expect(onWait.mock.calls).toEqual([[5_000]]);
  });

  it('asks again as soon as the network is back, where nobody could be reached', async () => {
    const network = new EventTarget();
    vi.stubGlobal('addEventListener', network.addEventListener.bind(network));
    vi.stubGlobal('removeEventListener', network.removeEventListener.bind(network));
    const work = vi.fn().mockRejectedValueOnce(unreachable()).mockResolvedValue('model');
    const done = untilAnswered(work, () => undefined, () => 0);
    await vi.advanceTimersByTimeAsync(10);
    network.dispatchEvent(new Event('online'));
    await expect(done).resolves.toBe('model');
    vi.unstubAllGlobals();
  });

  it('does not ask again for what is gone', async () => {
    const gone = new ServiceError('The file has been removed.', { status: 404 });
    const work = vi.fn().mockRejectedValue(gone);
    await expect(untilAnswered(work, () => undefined)).rejects.toBe(gone);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('gives up in the end', async () => {
    const work = vi.fn().mockRejectedValue(passing(null));
    const done = expect(untilAnswered(work, () => undefined, () => 0)).rejects.toMatchObject({ status: 429 });
    await vi.advanceTimersByTimeAsync(600_000);
    await done;
    expect(work).toHaveBeenCalledTimes(14);
  });
});
