// What gets done in a minute is told from counters, and a restart of theirs is no negative work.

import { describe, expect, it } from 'vitest';
import { rateWords, sample, Throughput, type Look } from '../src/console/throughput';

const look = (seconds: number, models: number, requests = 0): Look => ({ at: seconds * 1000, models, requests, waiting: 0, running: 0 });

describe('Throughput', () => {
  it('needs two looks, and goes by the last minute', () => {
    const throughput = new Throughput();
    throughput.add(look(0, 100));
    expect(throughput.perMinute('models')).toBeNull();
    throughput.add(look(30, 101));
    expect(throughput.perMinute('models')).toBe(2);
    throughput.add(look(90, 107));
    expect(throughput.perMinute('models')).toBe(6);
  });

  it('begins anew with the counters, and never tells less than nothing', () => {
    const throughput = new Throughput();
    throughput.add(look(0, 100, 500));
    throughput.add(look(5, 100, 20));
    expect(throughput.perMinute('requests')).toBe(0);
    throughput.add(look(10, 3, 0));
    expect(throughput.looks).toHaveLength(1);
  });

  it('keeps five minutes', () => {
    const throughput = new Throughput();
    for (let index = 0; index < 100; index++) throughput.add(look(index * 5, index));
    expect(throughput.looks).toHaveLength(60);
  });
});

it('samples are read by their whole name', () => {
  const text = '# TYPE a counter\na_total{status="completed"} 7\na_total{status="failed"} 1\nab 3 1700000000\n';
  expect(sample(text, 'a_total{status="completed"}')).toBe(7);
  expect(sample(text, 'ab')).toBe(3);
  expect(sample(text, 'a')).toBe(0);
});

it('rates are short', () => {
  expect([null, 0, 0.25, 9.96, 42.4].map(rateWords)).toEqual(['…', '0', '0.3', '10.0', '42']);
});
