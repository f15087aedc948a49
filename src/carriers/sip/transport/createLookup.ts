export interface LookupOptions {
  /** An answer is given without asking again. */
  keptMs: number;
  /** For so long after that it is given once more at once, while it is asked for again: a DNS that is away for a while stops no calls. */
  staleMs: number;
  /** A failure is believed; 0: the next one asks again. */
  failureMs: number;
  /** How long one who needs an answer waits for it. */
  patienceMs: number;
}

interface Known<T> {
  answer?: T;
  failure?: Error;
  askedMs: number;
  running?: Promise<T> | undefined;
}

const KEPT_NAMES = 1_000;

/** Asks once for everybody, and never twice at the same time, however long it takes: the system has few threads for that. */
export function createLookup<T>(ask: (name: string) => Promise<T>, options: LookupOptions): (name: string) => Promise<T> {
  const { keptMs, staleMs, failureMs, patienceMs } = options;
  const known = new Map<string, Known<T>>();

  const askAgain = (name: string, one: Known<T>): Promise<T> => {
    one.running ??= ask(name)
      .then(
        (answer) => {
          Object.assign(one, { answer, askedMs: performance.now() });
          delete one.failure;
          return answer;
        },
        (error: unknown) => {
          one.failure = error instanceof Error ? error : new Error(String(error));
          if (one.answer === undefined) one.askedMs = performance.now();
          throw error;
        },
      )
      .finally(() => {
        one.running = undefined;
      });
    return one.running;
  };

  return async (name) => {
    if (known.size >= KEPT_NAMES) known.clear();
    const one = known.get(name) ?? { askedMs: Number.NEGATIVE_INFINITY };
    known.set(name, one);
    const ageMs = performance.now() - one.askedMs;
    if (one.answer !== undefined && ageMs < keptMs) return one.answer;
    if (one.answer === undefined && one.failure && ageMs < failureMs) throw one.failure;
    const asked = askAgain(name, one);
    if (one.answer === undefined || ageMs >= keptMs + staleMs) return within(patienceMs, asked);
    asked.catch(() => {});
    return one.answer;
  };
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error("the DNS does not answer"), { code: "ETIMEOUT" })), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
