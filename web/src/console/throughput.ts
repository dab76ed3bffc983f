// How much gets done: counters that only grow, read at each look, and what they grew by since earlier looks.

/** Looks kept: five minutes, as the overview looks every five seconds. */
const KEPT = 60;
/** What is called the present, in milliseconds. */
const PRESENT = 60_000;

/** What was seen at one look. All but `waiting` and `running` only grow. */
export interface Look {
  /** Milliseconds since 1970. */
  at: number;
  models: number;
  requests: number;
  waiting: number;
  running: number;
}

export class Throughput {
  #looks: Look[] = [];

  get looks(): readonly Look[] {
    return this.#looks;
  }

  add(look: Look): void {
    const last = this.#looks.at(-1);
    // Counters that went down were begun anew: what was seen before is of another time.
    if (last !== undefined && (look.models < last.models || look.at <= last.at)) this.#looks = [];
    this.#looks = [...this.#looks, look].slice(-KEPT);
  }

  /** So many a minute lately; null until there is something to compare with. */
  perMinute(what: 'models' | 'requests'): number | null {
    const last = this.#looks.at(-1);
    const first = last && this.#looks.find(({ at }) => last.at - at <= PRESENT);
    if (!last || !first || first === last) return null;
    // Requests are counted by hosts, which come and go.
    return Math.max(0, (last[what] - first[what]) / ((last.at - first.at) / 60_000));
  }
}

/** The value of a sample in Prometheus' text; 0 when it has none. */
export function sample(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  const value = Number(line?.slice(name.length).trim().split(' ')[0]);
  return Number.isFinite(value) ? value : 0;
}

/** A rate as people read it. */
export function rateWords(perMinute: number | null): string {
  if (perMinute === null) return '…';
  return perMinute > 0 && perMinute < 10 ? perMinute.toFixed(1) : String(Math.round(perMinute));
}
