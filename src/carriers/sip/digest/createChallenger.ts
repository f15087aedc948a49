import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { parseAuthParams } from "../message/authParams.ts";
import type { SipRequest, Uri } from "../message/message.ts";
import { quote } from "../message/quoted.ts";
import { parseUri } from "../message/uri.ts";
import type { Credentials } from "../user-agent.ts";
import { algorithmOf, digestResponse } from "./digestResponse.ts";

/** The server side. Its nonces carry their time and a mark of our secret, so nothing is kept of a challenge until it is answered right. */
export interface Challenger {
  /**
   * Values for WWW-Authenticate. MD5 stands first although RFC 8760 2.3 means the order as a preference: clients older than it
   * (PJSIP up to 2.10, Asterisk's chan_sip, sipp up to 3.6) read the first one only, and give up on SHA-256 there. Clients that
   * choose for themselves, as 2.4 lets them, take SHA-256.
   */
  challenge(realm: string, options?: { stale?: boolean }): readonly string[];
  /** What a request claims to be. */
  read(request: SipRequest): Claim;
}

/**
 * `none`: no credentials for a challenge of ours. `stale`: for one that is too old: ask again, with `stale`.
 * `claim`: to be verified with the password that belongs to the name; `verify` is true once for each use of a nonce (its count). `uri`:
 * what it was made for (null when that is no URI): whether the request is for the same is for the caller to say, as proxies rewrite it.
 */
export type Claim =
  | { readonly kind: "none" }
  | { readonly kind: "stale"; readonly realm: string }
  | {
      readonly kind: "claim";
      readonly realm: string;
      readonly username: string;
      readonly uri: Uri | null;
      verify(credentials: Credentials): boolean;
    };

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
      uri: parseUri(given("uri")),
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
      return ["MD5", "SHA-256"].map((name) => `Digest realm="${escaped(realm)}", ${tail}, algorithm=${name}`);
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
