import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

export interface RateState {
  limit: number;
  remaining: number;
  /** When the window ends. */
  resetAt: Date;
  exceeded: boolean;
}

export interface RateLimit {
  /** Counts one request of `key` in its current minute. */
  take(key: string): Promise<RateState>;
}

const WINDOW_SECONDS = 60;

/** A fixed window of one minute per key and process; undefined when `perMinute` is 0, which turns it off. */
export function createRateLimit(perMinute: number): RateLimit | undefined {
  if (perMinute === 0) return undefined;
  const limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  return {
    async take(key) {
      const outcome = await limiter.consume(key).catch((refusal: unknown) => refusal);
      if (!(outcome instanceof RateLimiterRes)) throw outcome;
      return {
        limit: perMinute,
        remaining: Math.max(0, outcome.remainingPoints),
        resetAt: new Date(Date.now() + outcome.msBeforeNext),
        exceeded: outcome.consumedPoints > perMinute,
      };
    },
  };
}
