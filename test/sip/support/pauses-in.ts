/**
 * How many zeros stand between the samples of a sound, where what was said begins with it and has every other sample as wanted, one
 * after the other. Undefined when anything is missing, or something else is there.
 */
export function pausesIn(wanted: Int16Array, said: Int16Array): number | undefined {
  let at = said.findIndex((sample) => sample !== 0);
  let pauses = 0;
  for (const sample of wanted.subarray(wanted.findIndex((one) => one !== 0))) {
    for (; said[at] === 0 && sample !== 0; at++) pauses++;
    if ((said[at] ?? 0) !== sample) return undefined;
    at++;
  }
  return pauses;
}
