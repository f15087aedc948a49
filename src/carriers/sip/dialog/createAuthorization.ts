import { answerChallenge, authorize, createDigestState, withAuthorization } from "../digest.ts";
import type { Source } from "../endpoint.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import type { Credentials } from "../user-agent.ts";
import type { CallContext } from "./context.ts";

/** Credentials over the requests of one call, or one registration. */
export interface Authorization {
  /** A first try: with what earlier challenges asked for. */
  sign(request: SipRequest): SipRequest;
  /**
   * What is to be sent after a 401 or 407, with the CSeq `sequence` gives; or why nothing is, for people. Null when the response
   * is no challenge. `request`: as it was sent, and `sentTo` where.
   */
  retry(
    response: SipResponse,
    request: SipRequest,
    sentTo: Source | undefined,
    sequence: () => number,
  ): { request: SipRequest } | { refused: string } | null;
}

export function createAuthorization(credentials: Credentials | undefined, { realms }: Pick<CallContext, "realms">): Authorization {
  const state = createDigestState(realms);
  return {
    sign: (request) =>
      credentials && state.challenges.size > 0 ? withAuthorization(request, authorize(request, credentials, state)) : request,
    retry: (response, request, sentTo, sequence) => {
      if (response.status !== 401 && response.status !== 407) return null;
      if (!credentials) return { refused: "a user name and a password are asked for" };
      const lines = answerChallenge(response, request, credentials, state, sentTo?.address);
      const tried = request.headers.has("Authorization") || request.headers.has("Proxy-Authorization");
      if (!lines)
        return {
          refused: tried ? `the password of user ${credentials.username} is refused` : "only unknown kinds of credentials are taken",
        };
      return { request: withAuthorization({ ...request, cseq: { ...request.cseq, sequence: sequence() } }, lines) };
    },
  };
}
