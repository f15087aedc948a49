/** Lets in a few at a time; the others wait, first come, first served. */
export interface Gate {
  /** Resolves with what leaves again. When `signal` is aborted before, rejects with its reason. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function createGate(width: number): Gate {
  let inside = 0;
  const queue: Array<() => void> = [];

  const leave = () => {
    const next = queue.shift();
    if (next) next();
    else inside--;
  };
  const leaveOnce = () => {
    let left = false;
    return () => {
      if (!left) leave();
      left = true;
    };
  };

  return {
    enter(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (inside < width) {
        inside++;
        return Promise.resolve(leaveOnce());
      }
      return new Promise((resolve, reject) => {
        const admit = () => {
          signal.removeEventListener("abort", giveUp);
          resolve(leaveOnce());
        };
        const giveUp = () => {
          queue.splice(queue.indexOf(admit), 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", giveUp, { once: true });
        queue.push(admit);
      });
    },
  };
}
