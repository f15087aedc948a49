import { createRetransmission } from "./createRetransmission.ts";
import { startTimer } from "./startTimer.ts";
import { lifetimeMs, type Timers } from "./timers.ts";

export interface InviteServerOptions {
  timers: Timers;
  /** TCP and TLS: only a 2xx is sent again. */
  reliable: boolean;
  /** Sends a response: the same bytes every time. */
  send(response: Buffer): void;
  /** Sends the 100 that says we have it. */
  sendTrying(): void;
  /** No ACK for our 2xx within 64*T1. */
  unacknowledged(): void;
  /** It holds no timer any more and can be forgotten. The last thing it does. */
  ended(): void;
}

export interface InviteServer {
  readonly state: "proceeding" | "completed" | "confirmed" | "accepted" | "terminated";
  respond(status: number, response: Buffer): void;
  /** The same INVITE again. */
  receiveInvite(): void;
  /** An ACK with the INVITE's branch. True: it is for a 2xx, and the owner's business. */
  receiveAck(): boolean;
  /** The ACK for our 2xx has come. */
  acknowledged(): void;
  /** Ends it without a word. */
  stop(): void;
}

/** RFC 3261 17.2.1: 100 is sent when nothing else is within this time. */
const TRYING_AFTER_MS = 200;

/**
 * The INVITE server transaction (RFC 3261 17.2.1, as RFC 6026 7.1 and 8.5 correct it). It also sends the 2xx again, which is
 * the owner's business in RFC 3261 13.3.1.4.
 *
 *     proceeding ─ 200 ms: 100
 *        │  ▲ INVITE: last 1xx again
 *        ├─ 2xx ──────► accepted ── L ──► terminated
 *        │               │ T1, doubling up to T2: 2xx again, until acknowledged
 *        │               │ INVITE: absorbed     L without ACK: unacknowledged
 *        └─ 3xx-6xx ──► completed ── ACK ──► confirmed ── I ──► terminated
 *                        │ G, INVITE: final again
 *                        └── H ──► terminated
 *
 * G: T1, doubling up to T2, over UDP. H and L: 64*T1. I: T4 over UDP, else none.
 */
export function createInviteServer(options: InviteServerOptions): InviteServer {
  const { timers, reliable } = options;
  let state: InviteServer["state"] = "proceeding";
  let last: Buffer | undefined;
  let acknowledged = false;
  const again = createRetransmission(timers, sendLast);
  let stopTimer = startTimer(timers, TRYING_AFTER_MS, options.sendTrying); // then H, I or L

  function sendLast() {
    if (last) options.send(last);
  }

  function end() {
    if (state === "terminated") return;
    state = "terminated";
    again.stop();
    stopTimer();
    options.ended();
  }

  function lapse() {
    const lost = state === "accepted" && !acknowledged;
    if (lost) options.unacknowledged();
    end();
  }

  function finish(as: "accepted" | "completed") {
    state = as;
    stopTimer();
    stopTimer = startTimer(timers, lifetimeMs(timers), lapse);
    if (as === "accepted" || !reliable) again.start(timers.t1Ms, timers.t2Ms);
  }

  return {
    get state() {
      return state;
    },
    respond: (status, response) => {
      if (state !== "proceeding") return;
      last = response;
      if (status < 200) stopTimer();
      else finish(status < 300 ? "accepted" : "completed");
      options.send(response);
    },
    receiveInvite: () => {
      if (state !== "proceeding" && state !== "completed") return;
      if (last) sendLast();
      else {
        // They did not wait for our 200 ms: they would go on sending.
        stopTimer();
        options.sendTrying();
      }
    },
    receiveAck: () => {
      if (state === "completed") {
        state = "confirmed";
        again.stop();
        stopTimer();
        if (reliable) end();
        else stopTimer = startTimer(timers, timers.t4Ms, end);
      }
      return state === "accepted";
    },
    acknowledged: () => {
      if (state !== "accepted") return;
      acknowledged = true;
      again.stop();
    },
    stop: end,
  };
}
