import type { House } from "../context.ts";
import { type FoundRecording, findRecording } from "./findRecording.ts";
import { checkRecordingLink, type RecordingLink } from "./recordingLink.ts";

export type OpenedLink = { ok: true; workspaceId: string; found: FoundRecording } | { ok: false; reason: "invalid" | "expired" };

/** What a link leads to: the link itself is the permission. A call that is gone has no recording. */
export async function openRecordingLink(house: House, callId: string, link: RecordingLink): Promise<OpenedLink> {
  const checked = checkRecordingLink(house, callId, link);
  if (!checked.ok) return checked;
  const { workspaceId } = checked;
  return { ok: true, workspaceId, found: (await findRecording(house, { workspaceId, callId })) ?? { state: "none" } };
}
