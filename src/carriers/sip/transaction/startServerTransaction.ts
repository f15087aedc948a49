import { randomBytes } from "node:crypto";
import type { Log } from "../../../platform/log.ts";
import type { Reply, RequestFailure, ServerHandler, ServerTransaction } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import { writeMessage } from "../message/writeMessage.ts";
import { withoutBrackets } from "../transport/address.ts";
import type { Transports } from "../transport/createTransports.ts";
import { DEFAULT_PORT } from "../transport/locate.ts";
import type { Path } from "../transport/path.ts";
import { buildResponse, statelessTagOf } from "./buildResponse.ts";
import { createInviteServer, type InviteServer } from "./createInviteServer.ts";
import { createNonInviteServer, type NonInviteServer } from "./createNonInviteServer.ts";
import { responsePath } from "./fixVia.ts";
import { lifetimeMs, type Timers } from "./timers.ts";

/** What the table of server transactions knows of one. */
export interface ServerEntry {
  readonly transaction: ServerTransaction;
  /** It was answered with something other than success: a proxy may well try us again with the same request. */
  readonly refused: boolean;
  /** The same request again, perhaps on a newer connection. */
  receiveAgain(path: Path): void;
  /** True: the ACK is for a 2xx, and the owner's business. */
  receiveAck(): boolean;
  canceled(cancel: SipRequest): void;
  stop(): void;
}

export interface ServerContext {
  transports: Transports;
  timers: Timers;
  log: Log;
  /** What came this way was let in: who is not is answered statelessly. */
  accepted(from: Path): void;
}

/** Nobody lets a caller hear nothing for this long: the owner has lost it. RFC 3261 13.3.1.1 asks for a sign every minute. */
const INVITE_UNANSWERED_MS = 3 * 60_000;

/** One server transaction: runs the machine, finds the way back for its responses, and answers 500 when nobody else does. */
export function startServerTransaction(
  { transports, timers, log, accepted }: ServerContext,
  request: SipRequest,
  from: Path,
  ended: () => void,
): ServerEntry {
  const [via] = request.via;
  if (!via) throw new Error("a request without Via");
  let path = responsePath(from, via);
  let tag = request.to.params.get("tag") ?? "";
  let state: "open" | "final" | "over" = "open";
  let refused = false;
  let silent = true;
  let failureTold = false;

  const machine: InviteServer | NonInviteServer =
    request.method === "INVITE"
      ? createInviteServer({
          timers,
          reliable: path.reliable,
          send,
          sendTrying: () => {
            const trying = write({ status: 100 });
            if (trying) send(trying.bytes);
          },
          unacknowledged: () => tell((handler) => handler.unacknowledged?.()),
          ended: over,
        })
      : createNonInviteServer({ timers, reliable: path.reliable, send, ended: over });
  const invite = "receiveAck" in machine ? machine : null;
  // A client that has heard nothing gives up after 64*T1 (timer F): 500 comes to it before.
  const patienceMs = invite ? INVITE_UNANSWERED_MS : lifetimeMs(timers) / 2;
  let unanswered = setTimeout(giveUp, patienceMs);

  const transaction: ServerTransaction = {
    request,
    source: from.remote,
    get tag() {
      tag ||= newTag();
      return tag;
    },
    handler: {},
    respond,
    acknowledged: () => invite?.acknowledged(),
  };

  function giveUp() {
    log.warn({ callId: request.callId, method: request.method }, "a request was answered by nobody");
    respond({ status: 500 });
  }

  function respond(reply: Reply) {
    if (state !== "open") return;
    const stateless = reply.stateless && silent && reply.status >= 200;
    if (stateless) tag = statelessTagOf(request);
    else tag = reply.tag ?? (tag || newTag());
    const written = write(reply) ?? (reply.status < 200 ? null : write({ status: 500 }));
    if (!written) {
      if (reply.status >= 200) machine.stop();
      return;
    }
    const { bytes, status } = written;
    if (stateless) {
      send(bytes);
      machine.stop();
      return;
    }
    clearTimeout(unanswered);
    if (status > 100) accepted(from);
    if (status < 200) unanswered = setTimeout(giveUp, patienceMs);
    else {
      state = "final";
      refused = status >= 300;
    }
    machine.respond(status, bytes);
  }

  /** Null: it cannot be written, which is the owner's mistake. */
  function write(reply: Reply): { bytes: Buffer; status: number } | null {
    try {
      return { bytes: writeMessage(buildResponse(request, reply, tag)), status: reply.status };
    } catch (error) {
      log.error({ err: error, callId: request.callId, status: reply.status }, "a response could not be written");
      return null;
    }
  }

  function send(bytes: Buffer) {
    silent = false;
    if (path.closed) void sendAnew(bytes);
    else path.send(bytes, path.reliable ? () => void sendAnew(bytes) : failed);
  }

  /** RFC 3261 18.2.2: the connection is gone, a new one goes to the address it came from and the port of the Via. */
  async function sendAnew(bytes: Buffer) {
    if (path.protocol === "udp" || !via || state === "over") return;
    const { protocol, remote } = path;
    const opened = await transports.reopen({
      protocol,
      address: remote.address,
      port: via.port ?? DEFAULT_PORT[protocol],
      host: withoutBrackets(via.host),
    });
    if ("failure" in opened) return failed(opened.failure);
    path = opened.path;
    path.send(bytes, failed);
  }

  function failed(failure: RequestFailure) {
    if (failureTold || state === "over") return;
    failureTold = true;
    tell((handler) => handler.failed?.(failure));
  }

  function tell(what: (handler: ServerHandler) => void) {
    try {
      what(transaction.handler);
    } catch (error) {
      log.error({ err: error, callId: request.callId, method: request.method }, "a handler of a server transaction failed");
    }
  }

  function over() {
    state = "over";
    clearTimeout(unanswered);
    ended();
  }

  return {
    transaction,
    get refused() {
      return refused;
    },
    receiveAgain: (again) => {
      if (path.closed && !again.closed) path = responsePath(again, via);
      if ("receiveInvite" in machine) machine.receiveInvite();
      else machine.receiveRequest();
    },
    receiveAck: () => invite?.receiveAck() ?? false,
    canceled: (cancel) => {
      if (state === "open") tell((handler) => handler.canceled?.(cancel));
    },
    stop: () => machine.stop(),
  };
}

function newTag(): string {
  return randomBytes(8).toString("hex");
}
