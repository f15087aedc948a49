import { timingSafeEqual } from "node:crypto";
import type { House } from "../context.ts";

/** The query of a link that opens one call's recording without a key. */
export interface RecordingLink {
  /** Names the workspace, and proves that this installation made the link. */
  sig: string;
  /** Unix seconds; without it, the link is good for as long as the master key is. */
  exp?: number;
}

export type CheckedLink = { ok: true; workspaceId: string } | { ok: false; reason: "invalid" | "expired" };

const ID_BYTES = 16;
const MAC_BYTES = 32;

export function signRecordingLink({ secrets }: Pick<House, "secrets">, call: LinkedCall, expiresAt?: Date): RecordingLink {
  const exp = expiresAt && Math.floor(expiresAt.getTime() / 1000);
  const id = Buffer.from(call.workspaceId.replaceAll("-", ""), "hex");
  const sig = Buffer.concat([id, macOf(secrets, call, exp)]).toString("base64url");
  return exp === undefined ? { sig } : { sig, exp };
}

interface LinkedCall {
  workspaceId: string;
  callId: string;
}

/** Looks at nothing but the link; whether there is a recording is another question. */
export function checkRecordingLink({ secrets, clock }: Pick<House, "secrets" | "clock">, callId: string, link: RecordingLink): CheckedLink {
  const bytes = Buffer.from(link.sig, "base64url");
  // One spelling only: base64url decoding forgives what is not part of it.
  if (bytes.length !== ID_BYTES + MAC_BYTES || bytes.toString("base64url") !== link.sig) return { ok: false, reason: "invalid" };
  const hex = bytes.toString("hex", 0, ID_BYTES);
  const workspaceId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const expected = macOf(secrets, { workspaceId, callId: callId.toLowerCase() }, link.exp);
  if (!timingSafeEqual(bytes.subarray(ID_BYTES), expected)) return { ok: false, reason: "invalid" };
  if (link.exp !== undefined && link.exp * 1000 <= clock.now().getTime()) return { ok: false, reason: "expired" };
  return { ok: true, workspaceId };
}

const macOf = (secrets: House["secrets"], { workspaceId, callId }: LinkedCall, exp: number | undefined): Buffer =>
  secrets.mac("recording link", JSON.stringify([workspaceId, callId, exp ?? null]));
