export type OutboundReason =
  /** No absolute http or https URL, or one with a user or password in it. */
  | "invalid_url"
  /** A header or the method cannot be sent. */
  | "invalid_request"
  /** The host is, or resolves to, an address that is not public. */
  | "forbidden_address"
  | "unresolved"
  | "connect_failed"
  | "timeout"
  /** The connection broke, or what came back was no HTTP. */
  | "connection_lost"
  /** The caller gave up, or the client was closed. */
  | "aborted";

/** Why a request got no answer. The message is fit for whoever configured the URL: it names no resolved address. */
export class OutboundError extends Error {
  readonly reason: OutboundReason;
  constructor(reason: OutboundReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
