import type { Headers } from "../message/headers.ts";
import type { SipResponse } from "../message/message.ts";

/** What Reason headers say (RFC 3326). */
export interface Reasons {
  /** Of protocol SIP. */
  sip: number | null;
  /** Of protocol Q.850. */
  q850: number | null;
  /** Of the Q.850 one, else of the SIP one, else of any. */
  text: string | null;
}

/** What we say with a BYE of ours. */
export const NORMAL_CLEARING = "Q.850;cause=16";

export function readReasons(headers: Headers): Reasons {
  const found: Reasons = { sip: null, q850: null, text: null };
  let textOf = "";
  for (const value of headers.all("Reason")) {
    const protocol = /^\s*([^\s;]+)/.exec(value)?.[1]?.toUpperCase() ?? "";
    const digits = /;\s*cause\s*=\s*"?(\d{1,3})(?!\d)/i.exec(value)?.[1];
    const cause = digits === undefined ? null : Number(digits);
    if (protocol === "Q.850" && found.q850 === null && cause !== null && cause <= 127) found.q850 = cause;
    if (protocol === "SIP" && found.sip === null) found.sip = cause;
    const text = readText(value);
    if (text !== null && (textOf === "" || (protocol === "Q.850" && textOf !== "Q.850"))) {
      found.text = text;
      textOf = protocol;
    }
  }
  return found;
}

function readText(value: string): string | null {
  const found = /;\s*text\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(value);
  const text = found?.[1]?.replace(/\\(.)/g, "$1") ?? found?.[2] ?? "";
  return text.trim() === "" ? null : text.trim();
}

/** Such as "486 Busy Here". */
export const statusLine = ({ status, reason }: Pick<SipResponse, "status" | "reason">): string => `${status} ${reason}`.trim();
