import type { LegEnd } from "../carriers/carrier.ts";
import type { CallOutcome, EndedBy } from "../core/calls/call.ts";
import type { Call } from "../core/calls/row.ts";
import { assertNever } from "../core/errors.ts";
import { ConversationError, type TalkEnd } from "./conversation.ts";

/** How a call came to its end. `disconnectReason` is a label for people (yappr 7.2). */
export interface Ending {
  outcome: CallOutcome;
  endedBy: EndedBy;
  disconnectReason: string;
  error?: string;
  /** What the carrier said, for the operator alone; when it says more than `error`. */
  lineDetail?: string;
}

export const MAX_DURATION: Ending = { outcome: "completed", endedBy: "system", disconnectReason: "Max duration reached" };
export const SERVER_STOPPED: Ending = {
  outcome: "failed",
  endedBy: "system",
  disconnectReason: "Server stopped",
  error: "server stopped",
};
/** The lease was given to nobody we know: the call was ended elsewhere, so this is not written anywhere. */
export const LEASE_LOST: Ending = { outcome: "failed", endedBy: "system", disconnectReason: "Voice node lost", error: "voice node lost" };

export const endingOfFailedTalk = (error: unknown): Ending => ({
  outcome: "failed",
  endedBy: "system",
  disconnectReason: "Failed",
  error: error instanceof ConversationError ? error.message : "The conversation failed on our side.",
});

export function endingOfLeg({ cause, detail, told = detail }: LegEnd, direction: Call["direction"]): Ending {
  const failed = (disconnectReason: string, error: string, endedBy: EndedBy = "system"): Ending => ({
    outcome: cause === "unreachable" ? "unreachable" : "failed",
    endedBy,
    disconnectReason,
    error: told ? `${error.replace(/\.$/, "")}: ${told}` : error,
    ...(detail !== undefined && detail !== told ? { lineDetail: detail } : {}),
  });
  switch (cause) {
    case "no_answer":
      return { outcome: "no_answer", endedBy: "system", disconnectReason: "No answer" };
    case "busy":
      return { outcome: "busy", endedBy: "system", disconnectReason: "Busy" };
    case "declined":
      return { outcome: "declined", endedBy: "caller", disconnectReason: "Call rejected" };
    case "canceled":
      // A caller who gave up is a call that nobody answered (yappr 9.1).
      if (direction === "inbound") return { outcome: "no_answer", endedBy: "caller", disconnectReason: "Cancelled" };
      return { outcome: "canceled", endedBy: "system", disconnectReason: "Cancelled" };
    case "hangup":
      return { outcome: "completed", endedBy: "caller", disconnectReason: "Completed" };
    case "hangup_local":
      return { outcome: "completed", endedBy: "agent", disconnectReason: "Completed" };
    case "transferred":
      return { outcome: "completed", endedBy: "agent", disconnectReason: "Transferred" };
    case "unreachable":
      return failed("Unreachable", "The number cannot be reached.");
    case "lost":
      return failed("Connection lost", "The connection was lost during the call.", "unknown");
    case "failed":
      return failed("Failed", direction === "inbound" ? "The carrier could not answer the call." : "The carrier could not place the call.");
    default:
      return assertNever(cause);
  }
}

export function endingOfTalk(end: TalkEnd): Ending {
  switch (end) {
    case "finished":
      return { outcome: "completed", endedBy: "agent", disconnectReason: "Completed" };
    case "key":
      return { outcome: "completed", endedBy: "caller", disconnectReason: "Completed" };
    case "silent":
      return { outcome: "completed", endedBy: "system", disconnectReason: "Caller inactive" };
    case "voicemail":
      return { outcome: "voicemail", endedBy: "system", disconnectReason: "Voicemail detected" };
    default:
      return assertNever(end);
  }
}
