import type { Headers } from "./headers.ts";

/**
 * SIP messages as values (RFC 3261). The fields that every transaction and dialog looks at are parsed and stand beside
 * `headers`, which holds all the others; a header is in one place only. Never changed once made: who wants another one copies.
 */
export type SipMessage = SipRequest | SipResponse;

interface Common {
  /** Topmost first. */
  readonly via: readonly Via[];
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly callId: string;
  readonly cseq: { readonly sequence: number; readonly method: string };
  /** "*" only in a REGISTER. */
  readonly contact: readonly NameAddr[] | "*";
  readonly recordRoute: readonly NameAddr[];
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface SipRequest extends Common {
  readonly kind: "request";
  readonly method: string;
  readonly uri: Uri;
  readonly maxForwards: number;
  readonly route: readonly NameAddr[];
}

export interface SipResponse extends Common {
  readonly kind: "response";
  readonly status: number;
  readonly reason: string;
}

/** Parameters by lower-case name, in their order; null: without a value. Values are unquoted. */
export type Params = ReadonlyMap<string, string | null>;

/** `other`: any scheme that we can only hand on, `tel` among them; `raw` is the whole URI. */
export type Uri = SipUri | { readonly kind: "other"; readonly scheme: string; readonly raw: string };

export interface SipUri {
  readonly kind: "sip";
  readonly scheme: "sip" | "sips";
  /** Unescaped. */
  readonly user: string | null;
  readonly password: string | null;
  /** Lower case; IPv6 in brackets. */
  readonly host: string;
  readonly port: number | null;
  readonly params: Params;
  /** What follows "?", as it was written. */
  readonly headers: string | null;
}

export interface NameAddr {
  readonly displayName: string | null;
  readonly uri: Uri;
  /** Of the header field: tag, expires, q, lr is one of the URI's. */
  readonly params: Params;
}

export interface Via {
  /** Upper case: UDP, TCP, TLS. */
  readonly transport: string;
  readonly host: string;
  readonly port: number | null;
  readonly params: Params;
}
