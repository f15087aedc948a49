import type { ClientHandler, ClientTransaction } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import type { CallContext } from "./context.ts";
import type { Authorization } from "./createAuthorization.ts";
import { contactUri, type Dialog, hopOf, type InDialog, requestIn } from "./dialog.ts";

/** Their 2xx says anew where the other side is, which holds for its ACK, too (RFC 3261 12.2.1.2, RFC 3311 5.1). */
const REFRESHING: ReadonlySet<string> = new Set(["INVITE", "UPDATE"]);

/**
 * Sends a request within a dialog, again with credentials when asked for them. The handler hears one final response, or the
 * failure; a 2xx to an INVITE is acknowledged here, as often as it comes. Returns what cancels an INVITE that is still open: one
 * with a provisional response has no time limit of its own.
 */
export function sendInDialog(
  context: CallContext,
  dialog: Dialog,
  authorization: Authorization,
  message: InDialog,
  handler: Pick<ClientHandler, "final" | "failed">,
): () => void {
  let current: ClientTransaction;

  function send(request: SipRequest) {
    let acknowledge: (() => void) | undefined;
    current = context.endpoint.request(request, hopOf(dialog), {
      final: (response) => {
        if (acknowledge) return acknowledge();
        if (REFRESHING.has(message.method) && response.status < 300) dialog.remoteTarget = contactUri(response) ?? dialog.remoteTarget;
        if (message.method === "INVITE" && response.status < 300) {
          const ack = ackOf(dialog, request);
          const target = hopOf(dialog);
          acknowledge = () => context.endpoint.sendAck(ack, target);
          acknowledge();
        }
        const retry = authorization.retry(response, request, current.sentTo, () => ++dialog.localSequence);
        if (retry && "request" in retry) send(retry.request);
        else handler.final(response);
      },
      failed: handler.failed,
    });
  }

  send(authorization.sign(withSoftware(requestIn(dialog, message), context)));
  return () => current.cancel();
}

/** The ACK of a 2xx, with the INVITE's credentials (RFC 3261 13.2.2.4). */
export function ackOf(dialog: Dialog, invite: SipRequest): SipRequest {
  const credentials = ["Proxy-Authorization", "Authorization"].flatMap((name) =>
    invite.headers.all(name).map((value): readonly [string, string] => [name, value]),
  );
  return requestIn(dialog, { method: "ACK", sequence: invite.cseq.sequence, headers: credentials });
}

export const withSoftware = (request: SipRequest, { software }: Pick<CallContext, "software">): SipRequest =>
  software === undefined ? request : { ...request, headers: request.headers.with("User-Agent", software) };
