export interface RateLimit {
  /** True while `key` has not used up what it may. */
  allows(key: string): boolean;
}

/** A token bucket for each key; when there are too many keys, all begin anew. */
export function createRateLimit({ perSecond, burst, keys = 10_000 }: { perSecond: number; burst: number; keys?: number }): RateLimit {
  const buckets = new Map<string, { tokens: number; at: number }>();

  return {
    allows: (key) => {
      const now = performance.now();
      let bucket = buckets.get(key);
      if (!bucket) {
        if (buckets.size >= keys) buckets.clear();
        bucket = { tokens: burst, at: now };
        buckets.set(key, bucket);
      }
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1_000) * perSecond);
      bucket.at = now;
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
  };
}
