import type { Log } from "../../../platform/log.ts";
import type { ClientHandler, ClientTransaction, RequestFailure, Source, Target } from "../endpoint.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import { writeMessage } from "../message/writeMessage.ts";
import type { Transports } from "../transport/createTransports.ts";
import { newBranch, ownVia, withOwnVia } from "./branch.ts";
import type { ClientEntry } from "./createClientTransactions.ts";
import { createInviteClient } from "./createInviteClient.ts";
import { createNonInviteClient } from "./createNonInviteClient.ts";
import type { Prepared, Preparer } from "./createPreparer.ts";
import { buildAck, buildCancel } from "./followUps.ts";
import { startTimer } from "./startTimer.ts";
import type { Timers } from "./timers.ts";
import { clientKey } from "./transactionKey.ts";

export interface ClientContext {
  entries: Map<string, ClientEntry>;
  preparer: Preparer;
  transports: Transports;
  timers: Timers;
  log: Log;
  /** The endpoint is closed: nothing begins any more. */
  closed: boolean;
  /** Stops those that go from place to place. */
  searching: Set<() => void>;
}

/** In T1: 4 s, in which a request is sent four times. */
const UNHEARD = 8;

/** What both machines have in common; `cancel` of an INVITE only. */
interface Machine {
  readonly state: string;
  receive(response: SipResponse): void;
  transportFailed(failure: RequestFailure): void;
  cancel?(): void;
  abandon?(): void;
  stop(): void;
}

/**
 * One client transaction: finds the way, runs the machine, and mends what can be mended. A connection that was open before and
 * turns out to be dead is replaced once, as nothing of the request has been seen on the other side; so is one that has fallen
 * silent, but not for an INVITE: a side that is only slow would ring twice.
 */
export function startClientTransaction(
  context: ClientContext,
  request: SipRequest,
  target: Target,
  handler: ClientHandler,
): ClientTransaction {
  const { entries, preparer, transports, timers, log } = context;
  const branch = newBranch();
  const key = clientKey(branch, request.method);
  // Until the way is known: with the branch that it will have.
  let sent = withOwnVia(request, ownVia(target.protocol, { host: "0.0.0.0", port: 0 }, branch));
  let sentTo: Source | undefined;
  let machine: Machine | null = null;
  let told = handler;
  let over = false;
  let cancel: { reason: string | undefined } | null = null;
  let again = false;
  let stopWatching = () => {};
  /** Nothing has come on the way that was taken. True: it begins again on another one. */
  let leaveSilent = () => false;
  let stopListening = listenForSilence();

  function tell(what: () => void) {
    try {
      what();
    } catch (error) {
      log.error({ err: error, callId: request.callId, method: request.method }, "a handler of a client transaction failed");
    }
  }

  function met(how: "well" | "in trouble") {
    const place = sentTo ?? target.met;
    if (place) transports.met(place, how);
  }

  function forget() {
    over = true;
    stopWatching();
    stopListening();
    if (entries.get(key) === entry) entries.delete(key);
  }

  function fail(failure: RequestFailure) {
    if (over) return;
    forget();
    tell(() => told.failed(failure));
  }

  function listenForSilence() {
    return startTimer(timers, UNHEARD * timers.t1Ms, () => {
      if (leaveSilent()) return;
      met("in trouble");
      tell(() => told.unheard?.());
    });
  }

  async function start(fresh: boolean) {
    const prepared = context.closed
      ? { failure: { kind: "unreachable" as const, detail: "SIP is shut down" } }
      : await preparer.prepare(request, target, branch, fresh);
    if (over) return;
    if ("failure" in prepared) {
      met("in trouble");
      return fail(prepared.failure);
    }
    // Nobody knows of it, and nobody is to begin to ring.
    if (cancel) return fail({ kind: "timeout", detail: "canceled before it was sent" });
    run(prepared);
  }

  function run(prepared: Prepared) {
    const { path, bytes } = prepared;
    const sentMs = performance.now();
    sent = prepared.request;
    sentTo = path.remote;
    const common = {
      timers,
      reliable: path.reliable,
      send: () => path.send(bytes, lost),
      provisional: (response: SipResponse) => tell(() => (response.status === 100 ? told.trying?.() : told.provisional?.(response))),
      final: (response: SipResponse) => {
        const last = told;
        // It tells nothing more, but lasts for T4 yet: what waited for it may go.
        if (request.method !== "INVITE") told = SILENT;
        tell(() => last.final(response));
      },
      failed: (failure: RequestFailure) => {
        if (failure.kind === "timeout") path.unheardSince(sentMs);
        met("in trouble");
        tell(() => told.failed(failure));
      },
      ended: () => {
        if (machine === mine) forget();
      },
    };
    let ack: Buffer | undefined;
    const mine: Machine =
      request.method === "INVITE"
        ? createInviteClient({
            ...common,
            acknowledge: (final) => {
              ack ??= writeMessage(buildAck(prepared.request, final));
              path.send(ack);
            },
            sendCancel: () => {
              sendCancel(prepared).catch((error) => log.error({ err: error, callId: request.callId }, "a CANCEL could not be sent"));
            },
          })
        : createNonInviteClient(common);

    function lost(failure: RequestFailure) {
      if (over || machine !== mine) return;
      const unheard = mine.state === "calling" || mine.state === "trying";
      if (unheard && mayRestart()) {
        restart(true);
        // What has been heard may come to its end on a connection that the other side opens (18.2.2).
      } else if (unheard || !transports.listensOn(path.protocol)) mine.transportFailed(failure);
    }

    const mayRestart = () => path.reused && !again;

    function restart(fresh: boolean) {
      again = true;
      stopWatching();
      machine = null;
      mine.stop();
      stopListening();
      stopListening = listenForSilence();
      void start(fresh);
    }

    machine = mine;
    stopWatching = path.onLost(lost);
    leaveSilent = () => {
      // What has had an answer, or is an INVITE, is in another state.
      const leaves = path.unheardSince(sentMs) && mine.state === "trying" && mayRestart();
      if (leaves) restart(false);
      return leaves;
    };
  }

  /** CANCEL is a transaction of its own, on the same way with the same Via (9.1). */
  async function sendCancel({ path, request: invite }: Prepared) {
    const bytes = writeMessage(buildCancel(invite, cancel?.reason));
    const opened = path.closed ? await transports.open({ ...target, protocol: path.protocol }) : { path };
    if (context.closed) return;
    if ("failure" in opened) return machine?.transportFailed(opened.failure);
    const cancelKey = clientKey(branch, "CANCEL");
    const own = createNonInviteClient({
      timers,
      reliable: opened.path.reliable,
      send: () => opened.path.send(bytes),
      provisional: () => {},
      final: () => {},
      failed: () => {},
      ended: () => entries.delete(cancelKey),
    });
    entries.set(cancelKey, own);
  }

  const entry: ClientEntry = {
    receive: (response) => {
      stopListening();
      met(response.status === 503 ? "in trouble" : "well");
      machine?.receive(response);
    },
    stop: () => {
      told = SILENT;
      machine?.stop();
      forget();
    },
  };
  entries.set(key, entry);
  queueMicrotask(() => void start(false));

  return {
    get request() {
      return sent;
    },
    get sentTo() {
      return sentTo;
    },
    cancel: (reason) => {
      if (cancel || over || request.method !== "INVITE") return;
      cancel = { reason };
      machine?.cancel?.();
    },
    abandon: () => {
      told = SILENT;
      if (machine?.abandon) machine.abandon();
      else entry.stop();
    },
  };
}

const SILENT: ClientHandler = { final: () => {}, failed: () => {} };
