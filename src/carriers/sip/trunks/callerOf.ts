import { toE164 } from "../../../platform/phone.ts";
import type { NameAddr, SipRequest, Uri } from "../message/message.ts";
import { parseNameAddr } from "../message/nameAddr.ts";

/**
 * Who calls: from P-Asserted-Identity, which a trunk is trusted with (RFC 3325 9.1), else From. `country`: where national numbers
 * are at home. Both are null when the caller does not want to be shown (RFC 3323 4.2, RFC 3325 9.3).
 */
export function callerOf(request: SipRequest, country: string | undefined): { from: string | null; fromName: string | null } {
  if (isPrivate(request)) return { from: null, fromName: null };
  const asserted = request.headers.all("P-Asserted-Identity").flatMap((text) => parseNameAddr(text) ?? []);
  // A sip: and a tel: address may both be there (RFC 3325 9.1); any that has a number will do.
  for (const address of [...asserted, request.from]) {
    const from = readNumber(userOf(address.uri), country);
    if (from !== null) return { from, fromName: nameOf([address, ...asserted, request.from]) };
  }
  return { from: null, fromName: nameOf([...asserted, request.from]) };
}

function isPrivate({ headers, from }: SipRequest): boolean {
  const wishes = headers.all("Privacy").flatMap((value) => value.toLowerCase().split(/[;,\s]+/));
  if (wishes.some((wish) => wish === "id" || wish === "user" || wish === "header")) return true;
  return from.uri.kind === "sip" && (from.uri.host === "anonymous.invalid" || from.uri.user?.toLowerCase() === "anonymous");
}

/** The user part, or the number of a tel: URI, without parameters such as phone-context (RFC 3966). */
export function userOf(uri: Uri): string | null {
  const text = uri.kind === "sip" ? uri.user : uri.scheme === "tel" ? uri.raw.replace(/^tel:/i, "") : null;
  return text === null ? null : (text.split(";", 1)[0] ?? null);
}

/** E.164; null when it is no number that can be read. */
export const readNumber = (text: string | null, country: string | undefined): string | null =>
  text === null ? null : (toE164(text.replace(/^00(?=[1-9])/, "+"), country ?? NOWHERE) ?? null);

/** No country: only international numbers can be read. */
const NOWHERE = "ZZ";
const LONGEST_NAME = 200;

function nameOf(addresses: readonly NameAddr[]): string | null {
  for (const { displayName } of addresses) {
    const name = displayName?.replace(/\p{C}/gu, "").trim();
    // Many gateways put the number there again.
    if (name && !/^[+\d\s().-]+$/.test(name)) return name.slice(0, LONGEST_NAME);
  }
  return null;
}
