import type { AudioMedia } from "../carriers/carrier.ts";
import type { Call } from "../core/calls/row.ts";

/** What records calls. The engine knows only this port, and starts one recording per answered call whose agent records. */
export interface Recorder {
  /**
   * Never throws: a call goes on without its recording, and the log says why. `abandon`: what the store has not taken until then, it
   * need not take any more.
   */
  record(call: Call, media: AudioMedia, startedAt: Date, abandon: AbortSignal): Recording;
}

export interface Recording {
  /** Everything is on disk and in the store when it resolves, however long that takes; or it was given up, and the log says why. Never rejects. */
  finish(): Promise<void>;
}
