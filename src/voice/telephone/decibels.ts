/** Loudness of a frame: RMS, in dB of full scale. */
export function decibels(samples: Int16Array): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index++) sum += (samples[index] ?? 0) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  return rms < 1 ? -90 : 20 * Math.log10(rms / 32_768);
}
