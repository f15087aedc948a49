import type { ServerTransaction } from "../endpoint.ts";
import type { Uri } from "../message/message.ts";
import { writeNameAddr } from "../message/nameAddr.ts";
import { writeUri } from "../message/uri.ts";
import { contentType } from "./bodies.ts";
import { SIPFRAG } from "./capabilities.ts";
import { PATIENCE } from "./context.ts";
import type { Leg } from "./leg.ts";
import { statusLine } from "./reasons.ts";

export interface Transfer {
  refer(to: Uri): Promise<TransferOutcome>;
  notify(transaction: ServerTransaction): void;
  /** A BYE came: whether it is because they have taken the transfer. */
  hungUp(): boolean;
  /** The call is over. */
  stop(): void;
}

export interface TransferOutcome {
  accepted: boolean;
  detail: string;
}

/** How long the other side may be quiet between two NOTIFYs when it does not say, and at most, in ms. */
const QUIET_MS = 60_000;
const LONGEST_MS = 180_000;

/**
 * Blind transfer (RFC 3515), one at a time.
 *
 *     idle ── refer ──► asked ── 2xx ──► taken ── NOTIFY 2xx, or BYE ──► accepted: we leave
 *      ▲                  │ refused        │ NOTIFY 3xx-6xx, terminated, nothing for too long
 *      └──────────────────┴────────────────┘
 *
 * A 2xx with `Refer-Sub: false` (RFC 4488) is all that will be said: accepted. A NOTIFY may come before the 2xx (RFC 3515 2.4.4).
 */
export function createTransfer(leg: Leg): Transfer {
  let current: { taken: boolean; sequence: number; resolve(outcome: TransferOutcome): void } | undefined;
  let stopWaiting = () => {};

  function settle(outcome: TransferOutcome) {
    stopWaiting();
    const settled = current;
    current = undefined;
    settled?.resolve(outcome);
    if (settled && outcome.accepted) leg.leave({ why: "transferred", detail: "handed over" });
  }

  function waitFor(ms: number) {
    stopWaiting();
    stopWaiting = leg.context.timing.after(ms, () => settle({ accepted: false, detail: "nothing was heard of the transfer any more" }));
  }

  function refer(to: Uri): Promise<TransferOutcome> {
    if (current) return Promise.resolve({ accepted: false, detail: "a transfer is under way" });
    return new Promise((resolve) => {
      const headers: ReadonlyArray<readonly [string, string]> = [
        ["Refer-To", `<${writeUri(to)}>`],
        ["Referred-By", writeNameAddr({ displayName: null, uri: leg.dialog.local.uri, params: new Map() })],
      ];
      const mine = { taken: false, sequence: leg.dialog.localSequence + 1, resolve };
      current = mine;
      leg.send({ method: "REFER", headers }, (response) => {
        if (current !== mine) return;
        if (response.status >= 300) return settle({ accepted: false, detail: statusLine(response) });
        if (response.headers.get("Refer-Sub")?.trim().toLowerCase().startsWith("false"))
          return settle({ accepted: true, detail: statusLine(response) });
        mine.sequence = response.cseq.sequence;
        if (!mine.taken) waitFor(PATIENCE.referMs);
        mine.taken = true;
      });
    });
  }

  function notify(transaction: ServerTransaction) {
    const { headers, body } = transaction.request;
    const event = headers.get("Event") ?? "";
    if (event.split(";", 1)[0]?.trim().toLowerCase() !== "refer")
      return transaction.respond({ status: 489, headers: [["Allow-Events", "refer"]] });
    transaction.respond({ status: 200 });
    const id = /;\s*id\s*=\s*(\d+)/i.exec(event)?.[1];
    // RFC 3515 2.4.6: the id is the REFER's CSeq; what is said of an earlier transfer has been settled.
    if (!current || (id !== undefined && Number(id) !== current.sequence)) return;
    const said = contentType(transaction.request) === SIPFRAG ? readStatus(body) : undefined;
    if (said && said.status >= 200) return settle({ accepted: said.status < 300, detail: statusLine(said) });
    const state = headers.get("Subscription-State") ?? "";
    if (/^\s*terminated/i.test(state)) return settle({ accepted: false, detail: "the other side stopped the transfer" });
    current.taken = true;
    const seconds = Number(/;\s*expires\s*=\s*(\d{1,6})/i.exec(state)?.[1] ?? 0);
    waitFor(seconds > 0 ? Math.min(seconds * 1_000, LONGEST_MS) : QUIET_MS);
  }

  return {
    refer,
    notify,
    hungUp: () => {
      if (!current?.taken) return false;
      stopWaiting();
      const { resolve } = current;
      current = undefined;
      resolve({ accepted: true, detail: "the other side hung up for it" });
      return true;
    },
    stop: () => settle({ accepted: false, detail: "the call ended" }),
  };
}

/** The status line that a message/sipfrag begins with (RFC 3420). */
function readStatus(body: Buffer): { status: number; reason: string } | undefined {
  const found = /^\s*SIP\/2\.0 +([1-6]\d\d)(?: +([^\r\n]*))?/i.exec(body.toString("utf8"));
  return found ? { status: Number(found[1]), reason: found[2]?.trim() ?? "" } : undefined;
}
