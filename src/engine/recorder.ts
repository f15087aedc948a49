import type { AudioMedia } from "../carriers/carrier.ts";
import type { Call } from "../core/calls/row.ts";

/** What records calls. The engine knows only this port, and starts one recording per answered call whose agent records. */
export interface Recorder {
  /** Never throws: a call goes on without its recording, and the log says why. */
  record(call: Call, media: AudioMedia, startedAt: Date): Recording;
}

export interface Recording {
  /** Everything is on disk and in the store when it resolves. Never rejects. */
  finish(): Promise<void>;
}
