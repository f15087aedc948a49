/** Counted of the time between two looks, whatever else it was: who stood still could not see anything come true. */
const MOST_BETWEEN_LOOKS_MS = 100;

/** Waits until `condition` gives something other than undefined or false, looking again every few milliseconds. */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 10_000, what = "the condition" } = {},
): Promise<T> {
  let spentMs = 0;
  let lookedMs = performance.now();
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    const nowMs = performance.now();
    spentMs += Math.min(nowMs - lookedMs, MOST_BETWEEN_LOOKS_MS);
    lookedMs = nowMs;
    if (spentMs > withinMs) throw new Error(`${what} did not come true within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
