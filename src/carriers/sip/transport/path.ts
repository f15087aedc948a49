import type { Protocol, RequestFailure, Source } from "../endpoint.ts";

/** Host (an IP address, IPv6 without brackets) and port under which we are reached. */
export interface HostPort {
  host: string;
  port: number;
}

/** One way to one place: a UDP socket and an address, or a connection. */
export interface Path {
  readonly protocol: Protocol;
  readonly remote: Source;
  /** What a Via of ours says when it goes this way. */
  readonly sentBy: HostPort;
  /** TCP and TLS: nothing needs to be sent again. */
  readonly reliable: boolean;
  /** Nothing can be sent any more. Never so of UDP. */
  readonly closed: boolean;
  /** A connection that was there before: it may be dead without our knowing. */
  readonly reused: boolean;
  /** `failed` is called later or never, not before this has returned. */
  send(bytes: Buffer, failed?: (failure: RequestFailure) => void): void;
  /** UDP: from the same socket to another port (RFC 3261 18.2.2). A connection has no other: itself. */
  to(port: number): Path;
  /**
   * Told of a request sent at that time (`performance.now()`) that has had no answer. True: nothing else has been heard on the
   * connection since; until something is, it is not given to new requests. Never so of UDP.
   */
  unheardSince(sentMs: number): boolean;
  /** Ends a connection. */
  close(why: string): void;
  /** Tells once when the connection is gone. Gives what stops the telling. */
  onLost(listener: (failure: RequestFailure) => void): () => void;
}

/** What comes in. `path` leads back to where it came from. */
export interface Inbound {
  /** One datagram, or one framed message of a stream. */
  message(bytes: Buffer, path: Path): void;
  /** As of EndpointHandler. */
  needs?(remote: Source): boolean;
}

export type PathOrFailure = { path: Path } | { failure: RequestFailure };
