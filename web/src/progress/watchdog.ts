// Aborts its signal when nothing has been heard for too long. Timers stand still while a machine sleeps, so a page
// that wakes up, is looked at again or has its network back asks the clock at once.

/** After a silence of this length, waking up is taken as a lost connection: the server beats every 15 s. */
const WAKE_SILENCE = 20_000;

export class Watchdog {
  readonly #controller = new AbortController();
  readonly #listening = new AbortController();
  #timer: ReturnType<typeof setTimeout>;
  #heard = Date.now();

  constructor(milliseconds: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), milliseconds);
    const wake = (): void => {
      if (Date.now() - this.#heard > WAKE_SILENCE) this.#controller.abort();
    };
    const { signal } = this.#listening;
    globalThis.addEventListener?.('online', wake, { signal });
    globalThis.document?.addEventListener('visibilitychange', wake, { signal });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something was heard. */
  restart(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#heard = Date.now();
    this.#timer = setTimeout(() => this.#controller.abort(), milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#listening.abort();
  }
}
