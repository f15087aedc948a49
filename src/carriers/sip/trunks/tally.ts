/** Counts by key within a window of time, forgetting the oldest keys when there are too many of them. */
export interface Tally {
  /** One more; how many there are now. */
  add(key: string): number;
  count(key: string): number;
}

export function createTally(options: { windowMs: number; mostKeys: number; now?: () => number }): Tally {
  const { windowMs, mostKeys, now = () => performance.now() } = options;
  const counts = new Map<string, { since: number; count: number }>();
  const current = (key: string) => {
    const found = counts.get(key);
    return found && now() - found.since < windowMs ? found : undefined;
  };
  return {
    add(key) {
      const found = current(key) ?? { since: now(), count: 0 };
      found.count += 1;
      // A map keeps the order in which keys came in.
      counts.delete(key);
      counts.set(key, found);
      const [oldest] = counts.keys();
      if (counts.size > mostKeys && oldest !== undefined) counts.delete(oldest);
      return found.count;
    },
    count: (key) => current(key)?.count ?? 0,
  };
}
