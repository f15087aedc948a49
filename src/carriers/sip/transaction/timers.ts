/** RFC 3261 17.1.1.1 and table 4. Every other timer is made of these. */
export interface Timers {
  /** Estimate of a round trip. */
  t1Ms: number;
  /** The longest wait between two retransmissions of anything but an INVITE. */
  t2Ms: number;
  /** How long a message may live on in the network. */
  t4Ms: number;
}

export const DEFAULT_TIMERS: Timers = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 };

/** Timers B, F, H, J, L and M: nothing of a transaction comes later than this. */
export function lifetimeMs(timers: Timers): number {
  return 64 * timers.t1Ms;
}
