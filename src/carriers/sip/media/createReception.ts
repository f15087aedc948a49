/** What RFC 3550 keeps of a source that we receive: sequence numbers (A.1), interarrival jitter (A.8), loss (A.3). */
export interface Reception {
  /**
   * False: a jump in the sequence that is not believed until the next packet follows it. `arrival`: in units of the timestamp;
   * undefined for what says nothing about jitter, such as events.
   */
  receive(sequence: number, timestamp: number, arrival: number | undefined): boolean;
  /** The last one had come before. */
  duplicate(): void;
  /** Makes the source's own numbers begin anew with the next packet; totals stay. */
  restart(): void;
  /** For a report block: since the last call. */
  fractionLost(): number;
  extendedHighestSequence(): number;
  received(): number;
  /** Packets that should have come, duplicates not counted twice; over all restarts. */
  expectedTotal(): number;
  lostTotal(): number;
  /** Of the source since its restart, as reports tell it: duplicates count against loss. */
  lost(): number;
  /** Current estimate, in units of the timestamp. */
  jitter(): number;
  /** Over all packets. */
  meanJitter(): number;
}

const MAX_DROPOUT = 3_000;
const MAX_MISORDER = 100;

export function createReception(): Reception {
  let started = false;
  let anew = false;
  let base = 0;
  let highest = 0;
  let cycles = 0;
  let badSequence = -1;
  let received = 0;
  let duplicates = 0;
  let expectedPrior = 0;
  let receivedPrior = 0;
  let lastTransit: number | undefined;
  let jitter = 0;
  let jitterSum = 0;
  let jitterCount = 0;
  let pastExpected = 0;
  let pastLost = 0;
  let receivedEver = 0;

  const expected = () => (started ? cycles + highest - base + 1 : 0);
  const unique = () => received - duplicates;
  const settle = () => {
    pastExpected += expected();
    pastLost += Math.max(0, expected() - unique());
  };
  const begin = (sequence: number) => {
    started = true;
    anew = false;
    base = highest = sequence;
    cycles = received = duplicates = expectedPrior = receivedPrior = 0;
    badSequence = -1;
    lastTransit = undefined;
  };

  return {
    receive(sequence, timestamp, arrival) {
      if (!started || anew) {
        settle();
        begin(sequence);
        jitter = 0;
      } else {
        const ahead = (sequence - highest) & 0xffff;
        if (ahead < MAX_DROPOUT) {
          if (sequence < highest) cycles += 65_536;
          highest = sequence;
        } else if (ahead <= 65_536 - MAX_MISORDER) {
          if (sequence !== badSequence) {
            badSequence = (sequence + 1) & 0xffff;
            return false;
          }
          settle();
          begin(sequence);
        }
      }
      received++;
      receivedEver++;
      if (arrival === undefined) return true;
      const transit = (arrival - timestamp) | 0;
      if (lastTransit !== undefined) {
        const difference = Math.abs((transit - lastTransit) | 0);
        // A jump of a second is a new time scale, not jitter.
        if (difference < 8_000) {
          jitter += (difference - jitter) / 16;
          jitterSum += jitter;
          jitterCount++;
        }
      }
      lastTransit = transit;
      return true;
    },
    duplicate() {
      duplicates++;
    },
    restart() {
      anew = true;
    },
    fractionLost() {
      const expectedNow = expected();
      const interval = expectedNow - expectedPrior;
      const lost = interval - (received - receivedPrior);
      expectedPrior = expectedNow;
      receivedPrior = received;
      return interval <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / interval));
    },
    extendedHighestSequence: () => cycles + highest,
    received: () => receivedEver,
    expectedTotal: () => pastExpected + expected(),
    lostTotal: () => pastLost + Math.max(0, expected() - unique()),
    lost: () => expected() - received,
    jitter: () => jitter,
    meanJitter: () => (jitterCount === 0 ? 0 : jitterSum / jitterCount),
  };
}
