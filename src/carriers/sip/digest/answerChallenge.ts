import { randomBytes } from "node:crypto";
import { parseAuthParams } from "../message/authParams.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import { quote } from "../message/quoted.ts";
import { writeUri } from "../message/uri.ts";
import type { Credentials } from "../user-agent.ts";
import { type Algorithm, algorithmOf, digestResponse, type Qop } from "./digestResponse.ts";

interface Challenge {
  readonly header: "Authorization" | "Proxy-Authorization";
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  readonly algorithm: Algorithm;
  readonly algorithmWasNamed: boolean;
  readonly qop: Qop;
  readonly stale: boolean;
  /** Ours, one for all uses of the nonce: -sess algorithms build on the first one. */
  readonly cnonce: string;
  /** How often it was answered. */
  uses: number;
  /** How many challenges in a row said that a nonce used once was stale. */
  staleInARow: number;
}

/** What one user is asked for over the requests of one dialog or one registration. Made once, changed by the functions here. */
export interface DigestState {
  readonly challenges: Map<string, Challenge>;
  /** Which realms have asked which user outside of any dialog, and from where; shared by all that one process keeps. */
  readonly realms: Set<string>;
  /** How many challenges in a row one request has met. */
  rounds: number;
}

export const createDigestState = (realms = new Set<string>()): DigestState => ({ challenges: new Map(), realms, rounds: 0 });

/** Two proxies and a server, each with a nonce that grew stale on the way, need six. */
const maxRounds = 6;

const mostRealms = 10_000;

export type HeaderLine = readonly [name: string, value: string];

/**
 * The Authorization and Proxy-Authorization fields to send the request with again after a 401 or 407; of each realm, the strongest
 * algorithm that we know (RFC 8760 2.4); within a dialog only for realms that have asked in its beginning, or from there outside of any.
 * Put them on with `withAuthorization`, and count CSeq up. Null when it is of no use: credentials refused, or nothing that we can answer.
 * `request`: as it was sent; `from`: the address to which.
 */
export function answerChallenge(
  response: SipResponse,
  request: SipRequest,
  credentials: Credentials,
  state: DigestState,
  from?: string,
): readonly HeaderLine[] | null {
  const offered = strongest([
    ...response.headers.all("WWW-Authenticate").map((value) => readChallenge("Authorization", value)),
    ...response.headers.all("Proxy-Authenticate").map((value) => readChallenge("Proxy-Authorization", value)),
  ]);
  // A challenge within a call may be the far end's, who would guess the password from what we answer: only who asked before is told,
  // which for a call that came in is whom we register with, ask with OPTIONS, or call; told by the address, as realms' names are no secret.
  const within = request.to.params.has("tag");
  const asker = ({ realm }: Challenge) => [credentials.username, credentials.password, realm, from].join("\n");
  for (const [key, challenge] of offered)
    if (within && !state.challenges.has(key) && !state.realms.has(asker(challenge))) offered.delete(key);
  if (offered.size === 0 || ++state.rounds > maxRounds) return null;
  for (const [key, challenge] of offered) {
    const before = state.challenges.get(key);
    if (before && wasSent(request, before) && before.uses <= 1) {
      // A nonce given for this very request was answered and not liked: unless only its age is wrong, the password is.
      if (!challenge.stale || before.staleInARow >= 2) return null;
      challenge.staleInARow = before.staleInARow + 1;
    }
    state.challenges.set(key, challenge);
    if (state.realms.size >= mostRealms) state.realms.clear();
    if (!within) state.realms.add(asker(challenge));
  }
  return answers(request, credentials, state);
}

/** The fields for a further request with the nonces known, their counts one up; empty when nothing was ever asked for. */
export function authorize(request: SipRequest, credentials: Credentials, state: DigestState): readonly HeaderLine[] {
  state.rounds = 0;
  return answers(request, credentials, state);
}

function answers(request: SipRequest, credentials: Credentials, state: DigestState): readonly HeaderLine[] {
  const lines: HeaderLine[] = [];
  for (const challenge of state.challenges.values()) {
    challenge.uses++;
    lines.push([challenge.header, writeCredentials(challenge, request, credentials)]);
  }
  return lines;
}

/** With these in place of those that it had. */
export function withAuthorization(request: SipRequest, lines: readonly HeaderLine[]): SipRequest {
  let headers = request.headers.without("Authorization").without("Proxy-Authorization");
  for (const [name, value] of lines) headers = headers.adding(name, value);
  return { ...request, headers };
}

function strongest(offered: ReadonlyArray<Challenge | null>): Map<string, Challenge> {
  const best = new Map<string, Challenge>();
  for (const challenge of offered) {
    if (!challenge) continue;
    const key = `${challenge.header} ${challenge.realm}`;
    const other = best.get(key);
    if (!other || challenge.algorithm.strength > other.algorithm.strength) best.set(key, challenge);
  }
  return best;
}

/** Null when it is not Digest, or asks for what we do not know. */
function readChallenge(header: Challenge["header"], value: string): Challenge | null {
  const read = parseAuthParams(value);
  const nonce = read?.params.get("nonce");
  if (read?.scheme !== "digest" || nonce === undefined) return null;
  const algorithm = algorithmOf(read.params.get("algorithm") ?? "MD5");
  const qops = read.params
    .get("qop")
    ?.split(",")
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== "");
  const qop = !qops || qops.length === 0 ? null : (["auth", "auth-int"] as const).find((one) => qops.includes(one));
  if (!algorithm || qop === undefined) return null;
  return {
    header,
    realm: read.params.get("realm") ?? "",
    nonce,
    opaque: read.params.get("opaque") ?? null,
    algorithm,
    algorithmWasNamed: read.params.has("algorithm"),
    qop,
    stale: read.params.get("stale")?.toLowerCase() === "true",
    cnonce: randomBytes(12).toString("hex"),
    uses: 0,
    staleInARow: 0,
  };
}

const wasSent = (request: SipRequest, challenge: Challenge): boolean =>
  request.headers.all(challenge.header).some((value) => parseAuthParams(value)?.params.get("nonce") === challenge.nonce);

function writeCredentials(challenge: Challenge, request: SipRequest, credentials: Credentials): string {
  const { algorithm, realm, nonce, qop, cnonce, opaque } = challenge;
  const uri = writeUri(request.uri);
  const nc = challenge.uses.toString(16).padStart(8, "0");
  const response = digestResponse({
    algorithm,
    credentials,
    realm,
    nonce,
    qop,
    nc,
    cnonce,
    method: request.method,
    uri,
    body: request.body,
  });
  // What came in quotes goes back as it came, with the escapes that it had.
  let out = `Digest username=${quote(credentials.username)}, realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"`;
  if (challenge.algorithmWasNamed) out += `, algorithm=${algorithm.name}`;
  if (qop || algorithm.session) out += `, cnonce="${cnonce}"`;
  if (opaque !== null) out += `, opaque="${opaque}"`;
  if (qop) out += `, qop=${qop}, nc=${nc}`;
  return out;
}
