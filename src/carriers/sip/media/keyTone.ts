const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477, 1633];
const PAD = "123A456B789C*0#D";
/** Each of the two tones: about -9 dBm0 in sum. */
const AMPLITUDE = 5_000;

/** Fills in the two tones of a key (ITU-T Q.23), from sample `from` of its press on. */
export function keyTone(key: string, from: number, into: Int16Array): void {
  const at = PAD.indexOf(key);
  const low = ((LOW[at >> 2] ?? 0) * 2 * Math.PI) / 8_000;
  const high = ((HIGH[at & 3] ?? 0) * 2 * Math.PI) / 8_000;
  for (let index = 0; index < into.length; index++)
    into[index] = AMPLITUDE * (Math.sin(low * (from + index)) + Math.sin(high * (from + index)));
}
