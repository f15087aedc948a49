import { countryOf } from "../../../platform/phone.ts";
import type { Uri } from "../message/message.ts";
import { readNumber, userOf } from "./callerOf.ts";

/**
 * Whether credentials that name `made` may come with a call to `called`: not if they were overheard, and put into a call to another
 * number. Proxies rewrite what is called (RFC 3261 22.4, 6): a number written in another way is the same one, in the national form too,
 * the host may be any, and some clients leave the user out.
 */
export function isMadeFor(made: Uri | null, called: Uri): boolean {
  const [one, other] = [made && userOf(made), userOf(called)];
  if (one === null || one === other) return true;
  const number = readNumber(one, countryIn(other));
  return number !== null && number === readNumber(other, countryIn(one));
}

function countryIn(text: string | null): string | undefined {
  const number = readNumber(text, undefined);
  return number === null ? undefined : countryOf(number);
}
