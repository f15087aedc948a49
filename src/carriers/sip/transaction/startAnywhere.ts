import type { ClientHandler, ClientTransaction, PlacedTarget, RequestFailure, Target } from "../endpoint.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import { type ClientContext, startClientTransaction } from "./startClientTransaction.ts";

/** In T1: 4 s, in which a request is sent four times. Not for an INVITE: it may ring there, and has an owner who knows what to do. */
const UNHEARD = 8;

/**
 * A request to a target of several places: one transaction after another, as long as none has taken it (RFC 3263 4.3). The next
 * place is for one that cannot be reached, says nothing, or answers 503; any other answer is the answer.
 */
export function startAnywhere(context: ClientContext, request: SipRequest, target: Target, handler: ClientHandler): ClientTransaction {
  let current: ClientTransaction | undefined;
  let timer: NodeJS.Timeout | undefined;
  let cancel: { reason: string | undefined } | undefined;
  let over = false;
  context.searching.add(stop);

  function stop() {
    over = true;
    clearTimeout(timer);
    context.searching.delete(stop);
  }

  function fail(failure: RequestFailure) {
    stop();
    handler.failed(failure);
  }

  function attempt([place, ...others]: readonly PlacedTarget[]) {
    if (!place) return;
    const last = others.length === 0;
    const heard = () => clearTimeout(timer);
    const next = () => {
      heard();
      attempt(others);
    };
    const mine = startClientTransaction(context, request, place, {
      trying: () => {
        heard();
        handler.trying?.();
      },
      provisional: (response) => {
        heard();
        handler.provisional?.(response);
      },
      final: (response: SipResponse) => {
        if (!over && !last && response.status === 503) return next();
        stop();
        handler.final(response);
      },
      failed: (failure) => (last || over || cancel ? fail(failure) : next()),
    });
    current = mine;
    if (cancel) mine.cancel(cancel.reason);
    if (last || request.method === "INVITE") return;
    timer = setTimeout(() => {
      mine.abandon();
      context.transports.met(place.met, "in trouble");
      attempt(others);
    }, UNHEARD * context.timers.t1Ms);
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
