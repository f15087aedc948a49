import type { LegEnd } from "../../carrier.ts";
import type { RequestOutcome } from "../user-agent.ts";

export interface Verdict {
  state: "up" | "down";
  /** For people. */
  detail: string;
}

/** What an OPTIONS found: any answer means that the gateway is there, but that it has no time or no room (RFC 3261 11.2). */
export function optionsVerdict(outcome: RequestOutcome, tookMs: number): Verdict {
  if ("failure" in outcome) return { state: "down", detail: outcome.failure.detail };
  const { status, reason } = outcome.response;
  const line = `${status} ${reason}`.trim();
  if (status === 503) return { state: "down", detail: `is out of service (${line})` };
  if (status === 408) return { state: "down", detail: `what is behind it does not answer (${line})` };
  return { state: "up", detail: `answers in ${Math.round(tookMs)} ms${status >= 300 ? ` (${line})` : ""}` };
}

/** What a call's end says of the gateway and of how the trunk is set up. */
export const callVerdict = ({ cause, detail }: LegEnd): Verdict =>
  cause === "failed"
    ? { state: "down", detail: `the last call failed: ${detail ?? "for a reason not known"}` }
    : { state: "up", detail: "takes calls" };

/** Why a REGISTER was refused. */
export function registrationFailure(outcome: RequestOutcome, username: string): string {
  if ("failure" in outcome) return outcome.failure.detail;
  const { status, reason } = outcome.response;
  const line = `${status} ${reason}`.trim();
  switch (status) {
    case 401:
    case 407:
      return `the password or the user name ${username} is wrong (${line})`;
    case 403:
      return `the gateway does not let ${username} register (${line}): wrong password, or registration is not allowed`;
    case 404:
      return `the gateway does not know ${username} in this domain (${line})`;
    case 423:
      return `the gateway wants a longer registration than we can ask for (${line})`;
    default:
      return `registration is refused (${line})`;
  }
}

/** A sealed password that this server's master key does not open. */
export const SEALED_ELSEWHERE =
  "its password was encrypted with another MASTER_KEY; give it again: leadline trunk update NAME --password -";
