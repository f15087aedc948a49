import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { parseAuthParams } from "./message/authParams.ts";
import type { SipRequest, SipResponse } from "./message/message.ts";
import { quote } from "./message/quoted.ts";
import { writeUri } from "./message/uri.ts";
import type { Credentials } from "./user-agent.ts";

/** Digest access authentication for SIP (RFC 3261 22, RFC 7616, RFC 8760), as client and as server. */

type Hash = "md5" | "sha256" | "sha512-256";
interface Algorithm {
  readonly name: string;
  readonly hash: Hash;
  readonly session: boolean;
  readonly strength: number;
}
const algorithms: readonly Algorithm[] = [
  { name: "MD5", hash: "md5", session: false, strength: 1 },
  { name: "MD5-sess", hash: "md5", session: true, strength: 1 },
  { name: "SHA-256", hash: "sha256", session: false, strength: 2 },
  { name: "SHA-256-sess", hash: "sha256", session: true, strength: 2 },
  { name: "SHA-512-256", hash: "sha512-256", session: false, strength: 3 },
  { name: "SHA-512-256-sess", hash: "sha512-256", session: true, strength: 3 },
];
const algorithmOf = (name: string): Algorithm | undefined => algorithms.find((one) => one.name.toLowerCase() === name.toLowerCase());

const digestOf = (hash: Hash, data: string | Buffer): string => createHash(hash).update(data).digest("hex");

type Qop = "auth" | "auth-int" | null;

/** The `response` of RFC 7616 3.4.1 to 3.4.3; without qop as RFC 2069 had it. */
export function digestResponse(of: {
  algorithm: { readonly hash: Hash; readonly session: boolean };
  credentials: Credentials;
  realm: string;
  nonce: string;
  qop: Qop;
  nc: string;
  cnonce: string;
  method: string;
  uri: string;
  body: Buffer;
}): string {
  const { hash } = of.algorithm;
  const user = digestOf(hash, `${of.credentials.username}:${of.realm}:${of.credentials.password}`);
  const a1 = of.algorithm.session ? digestOf(hash, `${user}:${of.nonce}:${of.cnonce}`) : user;
  const a2 = digestOf(hash, `${of.method}:${of.uri}${of.qop === "auth-int" ? `:${digestOf(hash, of.body)}` : ""}`);
  return digestOf(hash, of.qop ? `${a1}:${of.nonce}:${of.nc}:${of.cnonce}:${of.qop}:${a2}` : `${a1}:${of.nonce}:${a2}`);
}

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
  /** How many challenges in a row one request has met. */
  rounds: number;
}

export const createDigestState = (): DigestState => ({ challenges: new Map(), rounds: 0 });

/** Two proxies and a server, each with a nonce that grew stale on the way, need six. */
const maxRounds = 6;

export type HeaderLine = readonly [name: string, value: string];

/**
 * The Authorization and Proxy-Authorization fields to send the request with again after a 401 or 407; of each realm, the strongest
 * algorithm that we know (RFC 8760 2.4). Put them on with `withAuthorization`, and count CSeq up. Null when it is of no use: credentials
 * refused, or nothing that we can answer. `request`: as it was sent.
 */
export function answerChallenge(
  response: SipResponse,
  request: SipRequest,
  credentials: Credentials,
  state: DigestState,
): readonly HeaderLine[] | null {
  const offered = strongest([
    ...response.headers.all("WWW-Authenticate").map((value) => readChallenge("Authorization", value)),
    ...response.headers.all("Proxy-Authenticate").map((value) => readChallenge("Proxy-Authorization", value)),
  ]);
  if (offered.size === 0 || ++state.rounds > maxRounds) return null;
  for (const [key, challenge] of offered) {
    const before = state.challenges.get(key);
    if (before && wasSent(request, before) && before.uses <= 1) {
      // A nonce given for this very request was answered and not liked: unless only its age is wrong, the password is.
      if (!challenge.stale || before.staleInARow >= 2) return null;
      challenge.staleInARow = before.staleInARow + 1;
    }
    state.challenges.set(key, challenge);
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

/** The server side. Its nonces carry their time and a mark of our secret, so nothing is kept of a challenge until it is answered right. */
export interface Challenger {
  /** Values for WWW-Authenticate: SHA-256, then MD5 for those who know no better (RFC 8760 2.3). */
  challenge(realm: string, options?: { stale?: boolean }): readonly string[];
  /** What a request claims to be. */
  read(request: SipRequest): Claim;
}

/**
 * `none`: no credentials for a challenge of ours. `stale`: for one that is too old: ask again, with `stale`.
 * `claim`: to be verified with the password that belongs to the name; `verify` is true once for each use of a nonce (its count).
 */
export type Claim =
  | { readonly kind: "none" }
  | { readonly kind: "stale"; readonly realm: string }
  | { readonly kind: "claim"; readonly realm: string; readonly username: string; verify(credentials: Credentials): boolean };

const stampBytes = 6;
const saltBytes = 10;
const markBytes = 16;

/** `secret`: the same on every node that may get the answer to another's challenge; made up when not given. */
export function createChallenger(options: { secret?: Buffer; expiresMs?: number; now?: () => number } = {}): Challenger {
  const { secret = randomBytes(32), expiresMs = 60_000, now = Date.now } = options;
  /** Nonces with a right answer: the highest count seen, until they expire. Oldest first. */
  const used = new Map<string, { count: number; expires: number }>();

  const mark = (head: Buffer, realm: string): Buffer =>
    createHmac("sha256", secret).update(head).update(realm).digest().subarray(0, markBytes);

  function makeNonce(realm: string): string {
    const head = Buffer.alloc(stampBytes + saltBytes);
    head.writeUIntBE(now(), 0, stampBytes);
    randomBytes(saltBytes).copy(head, stampBytes);
    return Buffer.concat([head, mark(head, realm)]).toString("base64url");
  }

  /** When it was made; null when it is not ours. */
  function readNonce(nonce: string, realm: string): number | null {
    const bytes = Buffer.from(nonce, "base64url");
    if (bytes.length !== stampBytes + saltBytes + markBytes || bytes.toString("base64url") !== nonce) return null;
    const head = bytes.subarray(0, stampBytes + saltBytes);
    return timingSafeEqual(mark(head, realm), bytes.subarray(head.length)) ? head.readUIntBE(0, stampBytes) : null;
  }

  /** Whether this count of the nonce is the first of its kind; answers without one are good for one request. */
  function use(nonce: string, count: number, expires: number): boolean {
    for (const [old, entry] of used) {
      if (entry.expires > now()) break;
      used.delete(old);
    }
    const entry = used.get(nonce);
    if (entry && count <= entry.count) return false;
    if (entry) entry.count = count;
    else used.set(nonce, { count, expires });
    return true;
  }

  function readOne(request: SipRequest, value: string): Claim {
    const read = parseAuthParams(value);
    const given = (name: string): string => read?.params.get(name) ?? "";
    const realm = given("realm");
    const nonce = given("nonce");
    if (read?.scheme !== "digest") return { kind: "none" };
    const made = readNonce(nonce, realm);
    if (made === null) return { kind: "none" };
    const expires = made + expiresMs;
    if (now() >= expires) return { kind: "stale", realm };
    const algorithm = algorithmOf(read.params.get("algorithm") ?? "MD5");
    const qop = read.params.get("qop")?.toLowerCase() ?? null;
    const nc = given("nc");
    const offered = algorithm && !algorithm.session && algorithm.hash !== "sha512-256";
    if (!offered || (qop !== null && qop !== "auth") || (qop !== null && !/^[0-9a-f]{8}$/i.test(nc))) return { kind: "none" };
    const username = unescapeUsername(given("username"));
    return {
      kind: "claim",
      realm,
      username,
      verify: (credentials) => {
        const { method, body } = request;
        const right = digestResponse({
          algorithm,
          credentials,
          realm,
          nonce,
          qop,
          nc,
          cnonce: given("cnonce"),
          method,
          uri: given("uri"),
          body,
        });
        const same = sameText(right, given("response").toLowerCase());
        const count = qop === null ? Number.POSITIVE_INFINITY : Number.parseInt(nc, 16);
        return same && credentials.username === username && use(nonce, count, expires);
      },
    };
  }

  return {
    challenge: (realm, { stale = false } = {}) => {
      const nonce = makeNonce(escaped(realm));
      const tail = `nonce="${nonce}", qop="auth"${stale ? ", stale=true" : ""}`;
      return ["SHA-256", "MD5"].map((name) => `Digest realm="${escaped(realm)}", ${tail}, algorithm=${name}`);
    },
    read: (request) => {
      let stale: Claim | null = null;
      for (const value of request.headers.all("Authorization")) {
        const claim = readOne(request, value);
        if (claim.kind === "claim") return claim;
        if (claim.kind === "stale") stale = claim;
      }
      return stale ?? { kind: "none" };
    },
  };
}

/** Digests are over what stands between the quotes, escapes included. */
const escaped = (text: string): string => quote(text).slice(1, -1);
const unescapeUsername = (text: string): string => text.replace(/\\(.)/gs, "$1");

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
