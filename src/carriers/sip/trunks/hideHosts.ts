import { isIP } from "node:net";
import { withoutBrackets } from "../transport/address.ts";

const WORD = /[^\s,;()<>"'=|/]+/g;
const URI = /^(?:sips?|udp|tcp|tls):./i;
const HOST_NAME = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/i;

/**
 * Words about a call for the tenant whose call it was: trunks are the operator's, and so is where they lead. Host names, addresses
 * and SIP URIs become "the gateway"; `names`: what else is one, such as a host name of one label.
 */
export function hideHosts(text: string, names: readonly string[]): string {
  const isHost = (word: string): boolean => {
    const host = withoutBrackets(word.slice(word.lastIndexOf("@") + 1).replace(/:\d+$/, "")).toLowerCase();
    return URI.test(word) || isIP(word) !== 0 || isIP(host) !== 0 || HOST_NAME.test(host) || names.includes(host);
  };
  return text.replaceAll(WORD, (word) => {
    let length = word.length;
    // Not with a regular expression: that would look at a million full stops a million times, and reasons come from others.
    while (length > 0 && ".:!?".includes(word.charAt(length - 1))) length -= 1;
    return isHost(word.slice(0, length)) ? `the gateway${word.slice(length)}` : word;
  });
}
