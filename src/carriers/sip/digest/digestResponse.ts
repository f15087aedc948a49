import { createHash } from "node:crypto";
import type { Credentials } from "../user-agent.ts";

export type Hash = "md5" | "sha256" | "sha512-256";
export interface Algorithm {
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
export const algorithmOf = (name: string): Algorithm | undefined => algorithms.find((one) => one.name.toLowerCase() === name.toLowerCase());

const digestOf = (hash: Hash, data: string | Buffer): string => createHash(hash).update(data).digest("hex");

export type Qop = "auth" | "auth-int" | null;

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
