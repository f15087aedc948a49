const STEPS: ReadonlyArray<[seconds: number, unit: string]> = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** How long ago a moment was, such as `12 s` or `3 h`. */
export function age(then: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - then.getTime()) / 1_000));
  const [length, unit] = STEPS.find(([step]) => seconds >= step) ?? [1, "s"];
  return `${Math.floor(seconds / length)} ${unit}`;
}
