import { assertNever } from "../../../core/errors.ts";
import type { CallerIdFormat } from "../../../core/trunks/trunk.ts";
import { countryOf, nationalDigits } from "../../../platform/phone.ts";

/** An E.164 number as a trunk wants it written. `home`: the country in which `national` is national; others stay E.164. */
export function formatNumber(e164: string, format: CallerIdFormat, home: string | undefined): string {
  switch (format) {
    case "e164":
      return e164;
    case "international":
      return e164.replace(/^\+/, "");
    case "national":
      return home !== undefined && countryOf(e164) === home ? (nationalDigits(e164) ?? e164) : e164;
    default:
      return assertNever(format);
  }
}
