import { randomBytes, randomUUID } from "node:crypto";
import type { ClientTransaction, RequestFailure } from "../endpoint.ts";
import { createHeaders } from "../message/createHeaders.ts";
import type { SipRequest } from "../message/message.ts";
import { withParam } from "../message/params.ts";
import type { RequestOptions, RequestOutcome } from "../user-agent.ts";
import { ALLOW, SUPPORTED } from "./capabilities.ts";
import { contactAt } from "./contactAt.ts";
import type { CallContext } from "./context.ts";
import { createAuthorization } from "./createAuthorization.ts";
import { tagOf } from "./dialog.ts";
import { withSoftware } from "./sendInDialog.ts";

const GIVEN_UP: RequestFailure = { kind: "timeout", detail: "given up" };

/**
 * A request outside of a dialog, again with credentials when asked for them. `sequence` is that of the first try. A Contact
 * of ours is added when there is none. Never rejects: a request that was aborted has failed as if nothing had come.
 */
export async function singleRequest(context: CallContext, options: RequestOptions): Promise<RequestOutcome> {
  const { method, target, uri, to, signal } = options;
  let sequence = options.sequence ?? 1;
  const started = context.timing.nowMs();
  let here: Awaited<ReturnType<CallContext["endpoint"]["reachableAt"]>>;
  try {
    here = await context.endpoint.reachableAt(target);
  } catch (error) {
    return { failure: { kind: "unreachable", detail: error instanceof Error ? error.message : String(error) }, sequence };
  }
  if (signal?.aborted) return { failure: GIVEN_UP, sequence };
  const headers = createHeaders(options.headers);
  const first: SipRequest = {
    kind: "request",
    method,
    uri,
    maxForwards: 70,
    via: [],
    route: [],
    from: tagOf(options.from) === "" ? withParam(options.from, "tag", randomBytes(8).toString("hex")) : options.from,
    to,
    callId: options.callId ?? randomUUID(),
    cseq: { sequence, method },
    // A REGISTER without Contact asks which bindings there are (RFC 3261 10.2.3).
    contact: headers.has("Contact") || method === "REGISTER" ? [] : [contactAt(here, options.from.uri)],
    recordRoute: [],
    headers: createHeaders([["Allow", ALLOW], ["Supported", SUPPORTED], ...headers.entries()]),
    body: Buffer.alloc(0),
  };
  const authorization = createAuthorization(options.credentials, context);

  return new Promise((resolve) => {
    let transaction: ClientTransaction | undefined;
    const stop = context.timing.after(Math.max(0, options.timeoutMs - (context.timing.nowMs() - started)), () => {
      transaction?.abandon();
      finish({ failure: { kind: "timeout", detail: `no answer within ${options.timeoutMs / 1_000} s` }, sequence });
    });
    signal?.addEventListener("abort", aborted);

    function finish(outcome: RequestOutcome) {
      stop();
      signal?.removeEventListener("abort", aborted);
      resolve(outcome);
    }

    function aborted() {
      transaction?.abandon();
      finish({ failure: GIVEN_UP, sequence });
    }

    function send(request: SipRequest) {
      // Who asked for credentials is told them, not another address of the same name.
      const met = transaction?.sentTo;
      transaction = context.endpoint.request(request, met ? { ...target, port: target.port ?? met.port, met } : target, {
        final: (response) => {
          const retry = authorization.retry(response, request, transaction?.sentTo, () => ++sequence);
          if (retry && "request" in retry) send(retry.request);
          else finish({ response, sequence });
        },
        failed: (failure) => finish({ failure, sequence }),
      });
    }

    send(withSoftware(first, context));
  });
}
