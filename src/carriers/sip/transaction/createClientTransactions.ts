import { isIP } from "node:net";
import type { Log } from "../../../platform/log.ts";
import type { ClientHandler, ClientTransaction, Target } from "../endpoint.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import type { Transports } from "../transport/createTransports.ts";
import { newBranch } from "./branch.ts";
import { createPreparer } from "./createPreparer.ts";
import { startAnywhere } from "./startAnywhere.ts";
import { type ClientContext, startClientTransaction } from "./startClientTransaction.ts";
import type { Timers } from "./timers.ts";
import { clientKeyOf } from "./transactionKey.ts";

export interface ClientTransactions {
  request(request: SipRequest, target: Target, handler: ClientHandler): ClientTransaction;
  sendAck(ack: SipRequest, target: Target): void;
  /** A response that came; one that belongs to nothing is dropped (RFC 3261 18.1.2, RFC 6026 8.11). */
  receive(response: SipResponse): void;
  /** That hold timers. */
  readonly size: number;
  close(): void;
}

/** What a table of transactions knows of one. */
export interface ClientEntry {
  receive(response: SipResponse): void;
  stop(): void;
}

export function createClientTransactions({
  transports,
  timers,
  log,
}: {
  transports: Transports;
  timers: Timers;
  log: Log;
}): ClientTransactions {
  const entries = new Map<string, ClientEntry>();
  const preparer = createPreparer(transports);
  const context: ClientContext = { entries, preparer, transports, timers, log, closed: false, searching: new Set() };

  return {
    request: (request, target, handler) => {
      const onePlace = target.met !== undefined || isIP(target.host) !== 0;
      return (onePlace ? startClientTransaction : startAnywhere)(context, request, target, handler);
    },
    sendAck: (ack, target) => {
      const failed = (failure: { detail: string }) => log.warn({ callId: ack.callId, detail: failure.detail }, "an ACK could not be sent");
      void preparer.prepare(ack, target, newBranch()).then((prepared) => {
        if ("failure" in prepared) failed(prepared.failure);
        else prepared.path.send(prepared.bytes, failed);
      });
    },
    receive: (response) => {
      // 8.1.3.3: more than one Via is a response that went astray.
      if (response.via.length === 1) entries.get(clientKeyOf(response))?.receive(response);
    },
    get size() {
      return entries.size;
    },
    close: () => {
      context.closed = true;
      for (const stop of [...context.searching]) stop();
      for (const entry of [...entries.values()]) entry.stop();
    },
  };
}
