const LOOK_MS = 5;
const MOST_MS = 50;

/**
 * From now on. Gives for how long, in ms, this process was awake until it is asked, once: of a time in which it stood still, 50 ms count.
 * For "it took no longer than", which a clock on the wall says wrongly of a machine that stands still.
 */
export function awake(): () => number {
  let spentMs = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    spentMs += Math.min(now - last, MOST_MS);
    last = now;
  };
  const looking = setInterval(look, LOOK_MS).unref();
  return () => {
    clearInterval(looking);
    look();
    return spentMs;
  };
}
