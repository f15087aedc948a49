import type { RequestFailure } from "../endpoint.ts";
import type { SipResponse } from "../message/message.ts";
import { createRetransmission } from "./createRetransmission.ts";
import { startTimer } from "./startTimer.ts";
import { lifetimeMs, type Timers } from "./timers.ts";

export interface NonInviteClientOptions {
  timers: Timers;
  /** TCP and TLS: nothing is sent again. */
  reliable: boolean;
  send(): void;
  /** 100 too. */
  provisional(response: SipResponse): void;
  final(response: SipResponse): void;
  failed(failure: RequestFailure): void;
  /** It holds no timer any more and can be forgotten. The last thing it does. */
  ended(): void;
}

export interface NonInviteClient {
  readonly state: "trying" | "proceeding" | "completed" | "terminated";
  receive(response: SipResponse): void;
  transportFailed(failure: RequestFailure): void;
  /** Ends it without a word. */
  stop(): void;
}

/**
 * The client transaction of every request but INVITE and ACK (RFC 3261 17.1.2).
 *
 *     (sends the request)
 *     trying ───── 1xx ─────► proceeding
 *        │ E: sends again         │ E: sends again every T2
 *        │ F: timeout             │ F: timeout
 *        └──── 2xx-6xx: told ─────┴──► completed ── K ──► terminated
 *                                       │ absorbs finals
 *
 * E: T1, doubling up to T2, over UDP. F: 64*T1. K: T4 over UDP, else none.
 */
export function createNonInviteClient(options: NonInviteClientOptions): NonInviteClient {
  const { timers, reliable } = options;
  let state: NonInviteClient["state"] = "trying";
  const again = createRetransmission(timers, options.send); // timer E
  let stopTimer = startTimer(timers, lifetimeMs(timers), () => fail({ kind: "timeout", detail: "no response" })); // timer F, then K

  function fail(failure: RequestFailure) {
    if (state !== "trying" && state !== "proceeding") return;
    terminate();
    options.failed(failure);
    options.ended();
  }

  function terminate() {
    state = "terminated";
    again.stop();
    stopTimer();
  }

  function end() {
    if (state === "terminated") return;
    terminate();
    options.ended();
  }

  options.send();
  if (!reliable) again.start(timers.t1Ms, timers.t2Ms);

  return {
    get state() {
      return state;
    },
    receive: (response) => {
      if (state !== "trying" && state !== "proceeding") return;
      if (response.status < 200) {
        if (state === "trying") again.slowTo(timers.t2Ms);
        state = "proceeding";
        options.provisional(response);
        return;
      }
      state = "completed";
      again.stop();
      stopTimer();
      stopTimer = startTimer(timers, timers.t4Ms, end);
      options.final(response);
      if (reliable) end();
    },
    transportFailed: fail,
    stop: end,
  };
}
