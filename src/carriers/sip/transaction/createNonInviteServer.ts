import { startTimer } from "./startTimer.ts";
import { lifetimeMs, type Timers } from "./timers.ts";

export interface NonInviteServerOptions {
  timers: Timers;
  /** TCP and TLS: it is forgotten as soon as it is answered. */
  reliable: boolean;
  /** Sends a response: the same bytes every time. */
  send(response: Buffer): void;
  /** It holds no timer any more and can be forgotten. The last thing it does. */
  ended(): void;
}

export interface NonInviteServer {
  readonly state: "trying" | "proceeding" | "completed" | "terminated";
  respond(status: number, response: Buffer): void;
  /** The same request again. */
  receiveRequest(): void;
  /** Ends it without a word. */
  stop(): void;
}

/**
 * The server transaction of every request but INVITE and ACK (RFC 3261 17.2.2).
 *
 *     trying ─── 1xx ───► proceeding
 *        │ absorbs           │ request: last 1xx again
 *        └──── 2xx-6xx ──────┴──► completed ── J ──► terminated
 *                                   │ request: final again
 *
 * J: 64*T1 over UDP, else none.
 */
export function createNonInviteServer(options: NonInviteServerOptions): NonInviteServer {
  const { timers, reliable } = options;
  let state: NonInviteServer["state"] = "trying";
  let last: Buffer | undefined;
  let stopTimer: (() => void) | undefined; // J

  function end() {
    if (state === "terminated") return;
    state = "terminated";
    stopTimer?.();
    options.ended();
  }

  return {
    get state() {
      return state;
    },
    respond: (status, response) => {
      if (state !== "trying" && state !== "proceeding") return;
      last = response;
      state = status < 200 ? "proceeding" : "completed";
      if (state === "completed" && !reliable) stopTimer = startTimer(timers, lifetimeMs(timers), end);
      options.send(response);
      if (state === "completed" && reliable) end();
    },
    receiveRequest: () => {
      if (last && state !== "terminated") options.send(last);
    },
    stop: end,
  };
}
