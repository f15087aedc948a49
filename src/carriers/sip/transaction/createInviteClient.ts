import type { RequestFailure } from "../endpoint.ts";
import type { SipResponse } from "../message/message.ts";
import { createRetransmission } from "./createRetransmission.ts";
import { startTimer } from "./startTimer.ts";
import { lifetimeMs, type Timers } from "./timers.ts";

export interface InviteClientOptions {
  timers: Timers;
  /** TCP and TLS: nothing is sent again. */
  reliable: boolean;
  send(): void;
  /** Sends the ACK of a final response other than 2xx. */
  acknowledge(final: SipResponse): void;
  sendCancel(): void;
  /** 100 too. */
  provisional(response: SipResponse): void;
  final(response: SipResponse): void;
  failed(failure: RequestFailure): void;
  /** It holds no timer any more and can be forgotten. The last thing it does. */
  ended(): void;
}

export interface InviteClient {
  readonly state: "calling" | "proceeding" | "completed" | "accepted" | "terminated";
  receive(response: SipResponse): void;
  /** CANCEL, once, as soon as a provisional response has come (RFC 3261 9.1). */
  cancel(): void;
  transportFailed(failure: RequestFailure): void;
  /** Nobody waits for its end any more: ends it unless the other side still has to be told something, and no later than 64*T1. */
  abandon(): void;
  /** Ends it at once, without a word. */
  stop(): void;
}

/**
 * The INVITE client transaction (RFC 3261 17.1.1, as RFC 6026 7.2 and 8.4 correct it).
 *
 *     (sends INVITE)
 *     calling ────── 1xx ──────► proceeding ◄─ 1xx
 *        │ A: sends again            │ CANCEL given: 64*T1 from then
 *        │ B: timeout                │
 *        ├───────── 2xx ─────────────┼───────────► accepted ── M ──► terminated
 *        │                           │              │ 2xx: told again
 *        └─ 3xx-6xx: told, ACK ──────┴───────────► completed ─ D ──► terminated
 *                                                   │ 3xx-6xx: ACK
 *
 * A: T1, doubling, over UDP. B and M: 64*T1. D: 64*T1 over UDP, else none.
 */
export function createInviteClient(options: InviteClientOptions): InviteClient {
  const { timers, reliable } = options;
  let state: InviteClient["state"] = "calling";
  let cancel: "no" | "wanted" | "sent" = "no";
  const again = createRetransmission(timers, options.send); // timer A
  let stopTimer: (() => void) | undefined = startTimer(timers, lifetimeMs(timers), timedOut); // timer B; later the CANCEL's, D or M

  function timedOut() {
    const detail = cancel === "sent" ? "no final response after CANCEL" : "no response";
    fail({ kind: "timeout", detail });
  }

  function fail(failure: RequestFailure) {
    if (state !== "calling" && state !== "proceeding") return;
    terminate();
    options.failed(failure);
    options.ended();
  }

  function terminate() {
    state = "terminated";
    again.stop();
    stopTimer?.();
    stopTimer = undefined;
  }

  function linger(ms: number) {
    again.stop();
    stopTimer?.();
    stopTimer = startTimer(timers, ms, end);
  }

  function end() {
    if (state === "terminated") return;
    terminate();
    options.ended();
  }

  function sendCancel() {
    cancel = "sent";
    stopTimer = startTimer(timers, lifetimeMs(timers), timedOut);
    options.sendCancel();
  }

  function receiveProvisional(response: SipResponse) {
    if (state === "calling") {
      state = "proceeding";
      again.stop();
      stopTimer?.();
      stopTimer = undefined;
      if (cancel === "wanted") sendCancel();
    }
    if (state === "proceeding") options.provisional(response);
  }

  function receiveSuccess(response: SipResponse) {
    if (state === "calling" || state === "proceeding") {
      state = "accepted";
      linger(lifetimeMs(timers));
    }
    if (state === "accepted") options.final(response);
  }

  function receiveFailure(response: SipResponse) {
    if (state === "completed") return options.acknowledge(response);
    if (state !== "calling" && state !== "proceeding") return;
    state = "completed";
    linger(lifetimeMs(timers));
    options.acknowledge(response);
    options.final(response);
    if (reliable) end();
  }

  options.send();
  if (!reliable) again.start(timers.t1Ms, Number.POSITIVE_INFINITY);

  return {
    get state() {
      return state;
    },
    receive: (response) => {
      if (response.status < 200) receiveProvisional(response);
      else if (response.status < 300) receiveSuccess(response);
      else receiveFailure(response);
    },
    cancel: () => {
      if (cancel !== "no") return;
      if (state === "calling") cancel = "wanted";
      else if (state === "proceeding") sendCancel();
    },
    transportFailed: fail,
    abandon: () => {
      if (state === "calling") end();
      // A final that comes yet wants its ACK.
      else if (state === "proceeding") stopTimer ??= startTimer(timers, lifetimeMs(timers), timedOut);
    },
    stop: end,
  };
}
