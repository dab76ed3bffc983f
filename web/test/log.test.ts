// Every line of a log once, the newest last, and not without end.

import { describe, expect, it } from 'vitest';
import { Log } from '../src/progress/log';

describe('Log', () => {
  it('keeps lines in order and drops what is told again', () => {
    const log = new Log();
    const line = { message: 'step 1', level: 'INFO', timestamp: '2026-01-15T09:30:00.000Z' };
    log.add(line);
    log.add({ message: 'step 2', timestamp: '2026-01-15T09:30:01.000Z' });
    log.add(line);
    expect(log.lines.map(({ level, words }) => [level, words])).toEqual([['info', 'step 1'], ['', 'step 2']]);
    expect(log.total).toBe(2);
  });

  it('takes equal lines without a time for two, and none without words', () => {
    const log = new Log();
    log.add({ message: 'again' });
    log.add({ message: 'again' });
    log.add({ message: '' });
    log.add({});
    expect(log.lines).toHaveLength(2);
  });

  it('lets the oldest go', () => {
    const log = new Log();
    for (let number = 0; number < 250; number++) log.add({ message: `line ${number}` });
    expect(log.lines).toHaveLength(200);
    expect(log.lines[0]?.words).toBe('line 50');
    expect(log.total).toBe(250);
  });
});
