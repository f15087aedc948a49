import { InvalidArgumentError } from "commander";

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

export function countNumber(text: string): number {
  if (!/^0*[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}

export function decimalNumber(text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw new InvalidArgumentError("It must be a number, such as 5 or 0.5.");
  return Number(text);
}

/** For options that may be given several times. */
export const collect = (value: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), value];

const UNITS = { m: "minutes", h: "hours", d: "days", w: "weeks" } as const;
const isUnit = (text: string): text is keyof typeof UNITS => text in UNITS;

/** `30d`, `12h`, `2026-12-31` (midnight UTC) or `2026-12-31T12:00:00+02:00` to a moment. */
export function moment(text: string): Date {
  const [, amount, unit] = /^(\d{1,6})([a-z])$/.exec(text) ?? [];
  try {
    if (amount && unit && isUnit(unit)) {
      const now = Temporal.Now.zonedDateTimeISO("UTC");
      return new Date(now.add({ [UNITS[unit]]: Number(amount) }).epochMilliseconds);
    }
    const instant = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${Temporal.PlainDate.from(text)}T00:00Z` : text;
    return new Date(Temporal.Instant.from(instant).epochMilliseconds);
  } catch {
    throw new InvalidArgumentError(
      "It must be a time from now such as 90m, 12h, 30d or 52w, a date such as 2030-12-31, or a date and time with its offset.",
    );
  }
}
