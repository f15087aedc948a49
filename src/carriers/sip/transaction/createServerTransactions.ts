import type { EndpointHandler, Reply, Source } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import { writeMessage } from "../message/writeMessage.ts";
import type { Path } from "../transport/path.ts";
import { buildResponse, statelessTagOf } from "./buildResponse.ts";
import { fixVia, responsePath } from "./fixVia.ts";
import { type ServerContext, type ServerEntry, startServerTransaction } from "./startServerTransaction.ts";
import { mergeKey, serverKey } from "./transactionKey.ts";

export interface ServerTransactions {
  /** A request that came, as it was sent. */
  receive(request: SipRequest, path: Path): void;
  /** That hold memory or timers. */
  readonly size: number;
  close(): void;
}

export interface ServerTransactionsOptions extends ServerContext {
  /** Live transactions. Beyond it new requests get 503; those of dialogs, BYE among them, only beyond twice as many. */
  max: number;
}

const RETRY_AFTER_SECONDS = "5";

export function createServerTransactions(options: ServerTransactionsOptions, handler: EndpointHandler): ServerTransactions {
  const { max, log } = options;
  const entries = new Map<string, ServerEntry>();
  /** By what two copies of one request have in common. */
  const first = new Map<string, ServerEntry>();

  function create(request: SipRequest, path: Path, key: string): ServerEntry {
    const entry = startServerTransaction(options, request, path, () => {
      entries.delete(key);
      if (merge !== null && first.get(merge) === entry) first.delete(merge);
    });
    const merge = request.method === "CANCEL" ? null : mergeKey(request);
    entries.set(key, entry);
    if (merge !== null && !isFirst(merge)) first.set(merge, entry);
    return entry;
  }

  /** Whether somebody else is at it. After a refusal it is no merging but serial forking. */
  const isFirst = (merge: string) => first.get(merge)?.refused === false;

  function receiveAck(ack: SipRequest, source: Source) {
    const invite = entries.get(serverKey(ack, "INVITE"));
    if (invite && !invite.receiveAck()) return;
    guard(ack, () => handler.ack(ack, source));
  }

  /** RFC 3261 9.2. */
  function receiveCancel(cancel: SipRequest, path: Path, key: string, inviteKey: string) {
    const invite = entries.get(inviteKey);
    if (!invite) return answerStateless(cancel, path, { status: 481 });
    const transaction = create(cancel, path, key).transaction;
    transaction.respond({ status: 200, tag: invite.transaction.tag });
    guard(cancel, () => invite.canceled(cancel));
  }

  function receiveNew(request: SipRequest, path: Path, key: string) {
    const room = request.to.params.has("tag") ? 2 * max : max;
    if (entries.size >= room) return answerStateless(request, path, { status: 503, headers: [["Retry-After", RETRY_AFTER_SECONDS]] });
    const merge = mergeKey(request);
    const merged = merge !== null && isFirst(merge);
    const entry = create(request, path, key);
    if (merged) return entry.transaction.respond({ status: 482 });
    if (!guard(request, () => handler.request(entry.transaction))) entry.transaction.respond({ status: 500 });
  }

  /** Without a transaction: the same answer each time. */
  function answerStateless(request: SipRequest, path: Path, reply: Reply) {
    const response = buildResponse(request, reply, statelessTagOf(request));
    const [via] = request.via;
    if (via) responsePath(path, via).send(writeMessage(response));
  }

  /** Whether it came to its end. */
  function guard(request: SipRequest, what: () => void): boolean {
    try {
      what();
      return true;
    } catch (error) {
      log.error({ err: error, callId: request.callId, method: request.method }, "a request could not be handled");
      return false;
    }
  }

  return {
    receive: (original, path) => {
      const [top, ...others] = original.via;
      if (!top) return;
      const request = { ...original, via: [fixVia(top, path.remote), ...others] };
      if (request.method === "ACK") return receiveAck(original, path.remote);
      const key = serverKey(original, request.method);
      const known = entries.get(key);
      if (known) known.receiveAgain(path);
      else if (request.method === "CANCEL") receiveCancel(request, path, key, serverKey(original, "INVITE"));
      else receiveNew(request, path, key);
    },
    get size() {
      return entries.size;
    },
    close: () => {
      for (const entry of [...entries.values()]) entry.stop();
    },
  };
}
