/** Which of the last 128 indexes have come (RFC 3711 3.3.2); older ones count as come. */
export interface ReplayWindow {
  has(index: number): boolean;
  add(index: number): void;
}

const SIZE = 128;

export function createReplayWindow(): ReplayWindow {
  const seen = new Float64Array(SIZE).fill(-1);
  let top = -1;
  return {
    has: (index) => index <= top - SIZE || seen[index % SIZE] === index,
    add(index) {
      seen[index % SIZE] = index;
      if (index > top) top = index;
    },
  };
}
