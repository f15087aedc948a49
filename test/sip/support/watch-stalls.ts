const LOOK_MS = 5;
/** Looks that are so late, one behind the other, are one stall: first it stood still, then it was busy with what had piled up. */
const LATE_MS = 20;

/** From now on. Gives the longest time, in ms, for which this process has stood still, or was behind for it, until it is asked. */
export function watchStalls(): () => number {
  let lookedMs = performance.now();
  let inTimeMs = lookedMs;
  let longestMs = 0;
  const look = () => {
    const nowMs = performance.now();
    if (nowMs - lookedMs < LATE_MS) inTimeMs = nowMs;
    longestMs = Math.max(longestMs, nowMs - inTimeMs);
    lookedMs = nowMs;
  };
  setInterval(look, LOOK_MS).unref();
  return () => {
    look();
    return longestMs;
  };
}
