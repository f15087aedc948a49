import type { Comparison } from "./compare-sound.ts";

/** Nothing is missing and nothing has moved: the difference is that of G.711. */
export const UNTOUCHED: Comparison = {
  correlation: 0.99,
  worstTenth: 0.95,
  worstHalf: 0.99,
  longestGapMs: 10,
  leapMs: 0,
  movedMs: 0,
  driftMs: 0,
};
/** What a jitter buffer may do to sound of which no packet is lost: two frames at most are put in or left out. */
export const BUFFERED: Comparison = {
  correlation: 0.95,
  worstTenth: 0.8,
  worstHalf: 0.9,
  longestGapMs: 40,
  leapMs: 40,
  movedMs: 40,
  driftMs: 40,
};
/** What our jitter buffer and concealment make of a network that loses 5 % and delays by up to 30 ms more. */
export const CONCEALED: Comparison = {
  correlation: 0.94,
  worstTenth: -1,
  worstHalf: 0.85,
  longestGapMs: 20,
  leapMs: 40,
  movedMs: 100,
  driftMs: 100,
};

/** What a sound falls short of; undefined when it is as good as it has to be. */
export function lacking(found: Comparison, limits: Comparison): string | undefined {
  const enough =
    found.correlation > limits.correlation &&
    found.worstTenth > limits.worstTenth &&
    found.worstHalf > limits.worstHalf &&
    found.longestGapMs <= limits.longestGapMs &&
    found.leapMs <= limits.leapMs &&
    found.movedMs <= limits.movedMs &&
    Math.abs(found.driftMs) <= limits.driftMs;
  return enough ? undefined : `${JSON.stringify(found)}, not ${JSON.stringify(limits)}`;
}
