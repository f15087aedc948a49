/** Digest access authentication for SIP (RFC 3261 22, RFC 7616, RFC 8760), as client and as server. */
export {
  answerChallenge,
  authorize,
  createDigestState,
  type DigestState,
  type HeaderLine,
  withAuthorization,
} from "./digest/answerChallenge.ts";
export { type Challenger, type Claim, createChallenger } from "./digest/createChallenger.ts";
export { digestResponse } from "./digest/digestResponse.ts";
