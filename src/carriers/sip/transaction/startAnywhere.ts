import type { ClientHandler, ClientTransaction, PlacedTarget, RequestFailure, Target } from "../endpoint.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import { type ClientContext, startClientTransaction } from "./startClientTransaction.ts";

/**
 * A request to a target of several places: one transaction after another, as long as none has taken it (RFC 3263 4.3). The next
 * place is for one that cannot be reached, says nothing, or answers 503; any other answer is the answer. An INVITE is not left for
 * silence, as it may ring there and has an owner who knows what to do, nor once it is in progress or canceled.
 */
export function startAnywhere(context: ClientContext, request: SipRequest, target: Target, handler: ClientHandler): ClientTransaction {
  let current: ClientTransaction | undefined;
  let cancel: { reason: string | undefined } | undefined;
  let over = false;
  context.searching.add(stop);

  function stop() {
    over = true;
    context.searching.delete(stop);
  }

  function fail(failure: RequestFailure) {
    stop();
    handler.failed(failure);
  }

  function attempt([place, ...others]: readonly PlacedTarget[]) {
    if (!place) return;
    let inProgress = false;
    const isLast = () => others.length === 0 || over || inProgress || cancel !== undefined;
    const mine = startClientTransaction(context, request, place, {
      trying: () => handler.trying?.(),
      provisional: (response) => {
        inProgress = true;
        handler.provisional?.(response);
      },
      final: (response: SipResponse) => {
        if (response.status === 503 && !isLast()) return attempt(others);
        stop();
        handler.final(response);
      },
      failed: (failure) => (isLast() ? fail(failure) : attempt(others)),
      unheard: () => {
        if (request.method === "INVITE" || isLast()) return;
        mine.abandon();
        attempt(others);
      },
    });
    current = mine;
    if (cancel) mine.cancel(cancel.reason);
  }

  context.transports
    .locate(target)
    .then((located) => {
      if (over) return;
      if ("failure" in located) fail(located.failure);
      else attempt(located.places);
    })
    .catch((error: unknown) => context.log.error({ err: error, callId: request.callId }, "a request could not be sent"));

  return {
    get request() {
      return current?.request ?? request;
    },
    get sentTo() {
      return current?.sentTo;
    },
    cancel: (reason) => {
      cancel ??= { reason };
      current?.cancel(reason);
    },
    abandon: () => {
      stop();
      current?.abandon();
    },
  };
}
