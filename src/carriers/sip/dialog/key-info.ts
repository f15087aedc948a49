import type { SipRequest } from "../message/message.ts";
import { contentType } from "./bodies.ts";
import { DTMF, DTMF_RELAY } from "./capabilities.ts";
import type { Body } from "./dialog.ts";

/** Key presses in INFO: no RFC, but what gateways of Cisco and all after them send. */

const KEYS = "0123456789*#ABCD";

/** Such bodies are short; searching in a long one of line breaks only would take seconds. */
const MOST_BYTES = 256;

/** The key of an application/dtmf-relay or application/dtmf body; undefined when it has none, or a hook flash. */
export function readKey(request: Pick<SipRequest, "headers" | "body">): string | undefined {
  const text = request.body.toString("latin1", 0, MOST_BYTES);
  const type = contentType(request);
  const said =
    type === DTMF_RELAY
      ? /^\s*Signal\s*=\s*([^\s;]+)/im.exec(text)?.[1]
      : type === DTMF
        ? /^\s*(?:Signal\s*=\s*)?([^\s;]+)/i.exec(text)?.[1]
        : undefined;
  return said === undefined ? undefined : toKey(said.toUpperCase());
}

/** Some write the event's number of RFC 4733: 10 to 15 for *, #, A to D. */
function toKey(said: string): string | undefined {
  if (said.length === 1) return KEYS.includes(said) ? said : undefined;
  return /^1[0-5]$/.test(said) ? KEYS[Number(said)] : undefined;
}

export const writeKey = (digit: string, durationMs: number): Body => ({
  type: DTMF_RELAY,
  content: `Signal=${digit}\r\nDuration=${Math.round(durationMs)}\r\n`,
});
