/**
 * Mean opinion score of G.711 with concealment by the E-model (ITU-T G.107, all else at its defaults): what loss and delay leave
 * of R = 93.2. `lostShare`: 0 to 1; `burstRatio`: mean length of losses over that of random loss; `delayMs`: mouth to ear.
 */
export function estimateMos(met: { lostShare: number; burstRatio: number; delayMs: number }): number {
  const rating = 93.2 - delayImpairment(met.delayMs) - lossImpairment(met.lostShare * 100, Math.max(1, met.burstRatio));
  if (rating <= 0) return 1;
  const mos = rating >= 100 ? 4.5 : 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
  return Math.round(Math.min(4.5, Math.max(1, mos)) * 100) / 100;
}

/** Idd of G.107 7.4. */
function delayImpairment(delayMs: number): number {
  if (delayMs <= 100) return 0;
  const x = Math.log2(delayMs / 100);
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2);
}

/** Ie-eff of G.107 7.5 with Ie = 0 and Bpl = 25.1: G.711 with concealment of G.711 Appendix I (ITU-T G.113). */
function lossImpairment(percent: number, burstRatio: number): number {
  return percent === 0 ? 0 : (95 * percent) / (percent / burstRatio + 25.1);
}
