/** Waits until `condition` gives something other than undefined or false, looking again every few milliseconds. */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 10_000, what = "the condition" } = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
