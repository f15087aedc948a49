import type { SipResponse } from "../message/message.ts";
import type { SipCallEnd } from "../user-agent.ts";
import type { LegOver } from "./leg.ts";
import { readReasons } from "./reasons.ts";

/** `final`: the final answer to the INVITE, theirs or ours. */
export function callEnd(
  { why, detail, reasons }: LegOver,
  final: Pick<SipResponse, "status" | "reason"> | null,
  answered: boolean,
  retryAfterSeconds?: number,
): SipCallEnd {
  const phrase = final?.reason || null;
  return {
    why,
    detail,
    answered,
    status: final?.status ?? null,
    reason: answered ? (reasons?.text ?? phrase) : (phrase ?? reasons?.text ?? null),
    q850: reasons?.q850 ?? null,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

/** Of a final response that ends an outgoing call. */
export function responseEnd(why: SipCallEnd["why"], detail: string, response: SipResponse): SipCallEnd {
  const retryAfter = /^\s*(\d{1,9})/.exec(response.headers.get("Retry-After") ?? "")?.[1];
  const seconds = response.status === 503 && retryAfter !== undefined ? Number(retryAfter) : undefined;
  return callEnd({ why, detail, reasons: readReasons(response.headers) }, response, false, seconds);
}
