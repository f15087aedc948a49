import type { DncEntry } from "../core/do-not-call/dnc-entry.ts";
import type { JsonObject } from "../core/tables.ts";
import { newId } from "../platform/ids.ts";

/** A well-formed wish for a call, in one workspace. */
export interface CallRequest {
  workspaceId: string;
  agentId: string;
  to: string;
  from: string;
  variables: Record<string, string>;
  metadata: JsonObject;
  idempotency: { key: string; requestHash: Buffer } | undefined;
  queueHours: number;
  now: Date;
}

/** Why a call goes ahead, waits or is refused; becomes its decision record. */
export type Verdict =
  | { verdict: "admitted"; reason: "capacity_free"; detail: JsonObject }
  | { verdict: "queued"; reason: "capacity_full" | "trunk_full" | "others_wait"; detail: JsonObject; position: number }
  | { verdict: "blocked"; reason: string; detail: JsonObject; entry: DncEntry };

/** What became of it. `position`: of a queued call, 1 is next. */
export type PlacedCall = {
  id: string;
  agentId: string;
  to: string;
  from: string;
  metadata: JsonObject;
  createdAt: Date;
} & (
  | { status: "admitted" }
  | { status: "queued"; position: number; expiresAt: Date }
  | { status: "dnc_blocked"; dncReason: string | null }
);

const HOUR_MS = 3_600_000;

export function toPlacedCall(request: CallRequest, verdict: Verdict): PlacedCall {
  const { agentId, to, from, metadata, now } = request;
  const common = { id: newId(), agentId, to, from, metadata, createdAt: now };
  switch (verdict.verdict) {
    case "admitted":
      return { ...common, status: "admitted" };
    case "queued":
      return { ...common, status: "queued", position: verdict.position, expiresAt: new Date(now.getTime() + request.queueHours * HOUR_MS) };
    case "blocked":
      return { ...common, status: "dnc_blocked", dncReason: verdict.entry.reason };
  }
}

/** A PlacedCall that was stored as JSON, where its times are texts. Only `writePlacedCalls` stores what is given here. */
export function revivePlacedCall(stored: unknown): PlacedCall {
  const call = stored as PlacedCall;
  const revived = { ...call, createdAt: new Date(call.createdAt) };
  return revived.status === "queued" ? { ...revived, expiresAt: new Date(revived.expiresAt) } : revived;
}
