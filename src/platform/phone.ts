import { type CountryCode, getCountries, parsePhoneNumberFromString } from "libphonenumber-js";

/** ITU-T E.164: a plus and at most 15 digits. 8 digits is the shortest international number that our doors take. */
const E164 = /^\+[1-9][0-9]{7,14}$/;

export const isE164 = (value: string): boolean => E164.test(value);

/**
 * The number in the one way that it is written, when libphonenumber knows its country and numbering plan and it fits: a trunk
 * zero after the country code (`+44 020 ...`) is no part of it.
 */
export function dialableNumber(e164: string): string | undefined {
  const parsed = parsePhoneNumberFromString(e164);
  return parsed?.isValid() ? parsed.number : undefined;
}

export const isCountry = (value: string): boolean => (getCountries() as string[]).includes(value);

/** The same for doors that also take numbers of no numbering plan; those stay as they are. */
export const canonicalPhone = (e164: string): string => dialableNumber(e164) ?? e164;

/** As it is dialled within its country, trunk prefix included: 0501234567. Undefined when its country cannot be told. */
export const nationalDigits = (e164: string): string | undefined => parsePhoneNumberFromString(e164)?.formatNational().replace(/\D/g, "");

/** The country (ISO 3166-1 alpha-2) that an E.164 number belongs to; undefined when it belongs to none or cannot be told. */
export const countryOf = (e164: string): string | undefined => parsePhoneNumberFromString(e164)?.country;

/**
 * A number as people write it to E.164: `+972 50-123-4567`, `972501234567` and `0501234567` (national form, read in
 * `country`) are one number. Undefined when it cannot be a number. Validity in the numbering plan is not asked.
 */
export function toE164(input: string, country: string): string | undefined {
  const compact = input.replace(/[\s().\-\u2010-\u2015]/g, "");
  if (!/^\+?[0-9]{3,17}$/.test(compact)) return undefined;
  if (compact.startsWith("+")) return isE164(compact) ? canonicalPhone(compact) : undefined;
  const national = parsePhoneNumberFromString(compact, country as CountryCode);
  if (national?.isValid()) return national.number;
  const international = parsePhoneNumberFromString(`+${compact}`);
  if (international?.isValid()) return international.number;
  return undefined;
}
