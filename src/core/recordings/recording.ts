import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

export type Recording = Selectable<Tables["recordings"]>;

/** Where a call's recording lies under RECORDINGS_DIR, such as <workspace>/2026-06/<call>.wav; the month is UTC. */
export const recordingFile = (workspaceId: string, callId: string, startedAt: Date): string =>
  `${workspaceId}/${startedAt.toISOString().slice(0, 7)}/${callId}.wav`;
