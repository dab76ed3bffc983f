import { describe, expect, it } from 'vitest';
import { framed } from '../build/page-frame.ts';

describe('framed', () => {
  it('puts what all pages have where it is marked, and says which page one is on', () => {
    const page = framed('<body>\n    <!-- frame: top, current: /results -->\n    <main></main>\n</body>\n');
    expect(page).toContain('<a href="/results" aria-current="page">');
    expect(page.match(/aria-current/g)).toHaveLength(1);
    expect(page.indexOf('site-header')).toBeLessThan(page.indexOf('<main>'));
    expect(page).not.toContain('frame:');
  });

  it('marks no page where none is named', () => {
    expect(framed('    <!-- frame: top -->\n')).not.toContain('aria-current');
  });

  it.each(['<!-- frame: nowhere -->\n', '<!-- frame: top, current: /nowhere -->\n', '<!-- frame:top -->\n'])(
    'refuses %s',
    (mark) => {
      expect(() => framed(mark)).toThrow();
    },
  );
});
