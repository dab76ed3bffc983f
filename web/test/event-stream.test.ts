// The event parser must give the same events however the network cuts the bytes.

import { describe, expect, it } from 'vitest';
import { EventParser, type ServerEvent } from '../src/progress/event-stream';

const WIRE = [
  'retry: 1500\n\n',
  ': heartbeat\n\n',
  'id: 1-0\ndata: {"type":"progress"}\n\n',
  'id: 2-0\r\nevent: reset\r\ndata: one\r\ndata:two\r\n\r\n',
  'data:  padded\n\n',
].join('');

const EXPECTED: ServerEvent[] = [
  { id: '1-0', name: 'message', data: '{"type":"progress"}' },
  { id: '2-0', name: 'reset', data: 'one\ntwo' },
  { id: '2-0', name: 'message', data: ' padded' },
];

describe('EventParser', () => {
  it('reads events, names, ids, several data lines and the retry hint', () => {
    const parser = new EventParser();
    expect(parser.push(WIRE)).toEqual(EXPECTED);
    expect(parser.retry).toBe(1500);
  });

  it.each([1, 2, 3, 5, 7, 11])('gives the same events in chunks of %i characters', (size) => {
    const parser = new EventParser();
    const events: ServerEvent[] = [];
    for (let at = 0; at < WIRE.length; at += size) events.push(...parser.push(WIRE.slice(at, at + size)));
    expect(events).toEqual(EXPECTED);
  });

  it('keeps an unfinished event to itself', () => {
    const parser = new EventParser();
    expect(parser.push('data: half')).toEqual([]);
    expect(parser.push('\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ id: null, name: 'message', data: 'half' }]);
  });

  it('ignores comments, unknown fields and ids with a NUL', () => {
    const parser = new EventParser();
    expect(parser.push(':x\nfoo: bar\nid: a\0b\ndata\n\n')).toEqual([{ id: null, name: 'message', data: '' }]);
  });
});
