import type { SipRequest, SipResponse } from "./message/message.ts";

export type Protocol = "udp" | "tcp" | "tls";

/** Where a request is sent to. */
export interface Target {
  protocol: Protocol;
  /** A name or an IP address, IPv6 without brackets. */
  host: string;
  /** Null: where the DNS says, or the protocol's own (RFC 3263 4.2). */
  port: number | null;
  /**
   * Where the other side was met before as this target: the one of its addresses that is used, and over TCP and TLS a connection
   * that is used as long as it is open, whatever `port` says.
   */
  met?: Source;
}

/** Where a message came from. */
export interface Source {
  protocol: Protocol;
  /** IP address; IPv4-mapped IPv6 as IPv4. */
  address: string;
  port: number;
}

/** Transports and transactions (RFC 3261 17 and 18, RFC 6026, RFC 3581). Knows nothing of dialogs. */
export interface SipEndpoint {
  /** What it listens on, with the ports that 0 came to. */
  readonly listening: readonly Source[];
  /**
   * How the other side of a target reaches us: for Contact, and the address for SDP. The public address when one of that IP version
   * is configured. Nobody listening for that protocol: as another one (TCP: UDP, then TLS); for TLS our end of the connection to the
   * target, which is opened. Never rejects.
   */
  reachableAt(target: Target): Promise<{ protocol: Protocol; host: string; port: number }>;
  /** Every place of a target, each with `port` and `met`, in the order to be tried; one at least. Never rejects. */
  locate(target: Target): Promise<Located>;
  /**
   * Sends a request in a client transaction of its own; the Via is put on here (the given ones are ignored). ACK is not for
   * this. Never throws: what goes wrong is told to the handler, never before this has returned. A target that was not met is
   * located, and its next place tried as `startAnywhere.ts` says.
   */
  request(request: SipRequest, target: Target, handler: ClientHandler): ClientTransaction;
  /** Sends an ACK for a 2xx. Without a transaction: again for every 2xx that comes again. Never throws. */
  sendAck(ack: SipRequest, target: Target): void;
  /** Stops listening and ends every transaction silently. */
  close(): Promise<void>;
}

export type Located = { places: readonly PlacedTarget[] } | { failure: RequestFailure };

/** A target at one address. */
export type PlacedTarget = Target & { port: number; met: Source };

export interface ClientTransaction {
  /** As it was sent, with its Via. */
  readonly request: SipRequest;
  /** Undefined until the way is known. */
  readonly sentTo: Source | undefined;
  /** Of an INVITE without a final response: sends CANCEL as soon as that is allowed (9.1), once. `reason`: a Reason header's value. */
  cancel(reason?: string): void;
  /** Stops it without a word; nothing is told any more. */
  abandon(): void;
}

/**
 * What becomes of a client transaction: provisional*, then final or failed once. For an INVITE, further 2xx (of forks, or sent
 * again) come as further finals for 64*T1; ACK of other finals is sent by the transaction.
 */
export interface ClientHandler {
  /** 100: the other side is there, and says nothing more. */
  trying?(): void;
  /** Nothing has come for 8*T1; it may yet. */
  unheard?(): void;
  /** Not 100. */
  provisional?(response: SipResponse): void;
  final(response: SipResponse): void;
  failed(failure: RequestFailure): void;
}

/** `timeout`: nothing came back (timers B and F). `unreachable`: could not be sent; `detail` says why in words (DNS, refused, TLS). */
export interface RequestFailure {
  kind: "timeout" | "unreachable";
  detail: string;
}

export interface ServerTransaction {
  readonly request: SipRequest;
  readonly source: Source;
  /** What responses of ours put into To unless they say another; the answer to a CANCEL has it, too (RFC 3261 9.2). */
  readonly tag: string;
  /**
   * Sends a response: provisional ones, then one final. It copies what RFC 3261 8.2.6 says, and puts `tag` into To when there is
   * none. Finals are sent again as the transaction has it; a 2xx to an INVITE until `acknowledged` is called. After the final:
   * nothing happens.
   */
  respond(response: Reply): void;
  /** The ACK for our 2xx has come. */
  acknowledged(): void;
  /** Set by the owner before it returns from `onRequest`. */
  handler: ServerHandler;
}

export interface ServerHandler {
  /** A CANCEL came before our final response; it has been answered with 200, and this must answer the INVITE with 487. */
  canceled?(request: SipRequest): void;
  /** No ACK came for our 2xx within 64*T1. */
  unacknowledged?(): void;
  /** Our response cannot be sent. */
  failed?(failure: RequestFailure): void;
}

export interface Reply {
  status: number;
  reason?: string;
  tag?: string;
  /** Further header fields, Contact and Record-Route among them. */
  headers?: ReadonlyArray<readonly [name: string, value: string]>;
  body?: { type: string; content: string };
  /**
   * A final for somebody unknown: nothing is kept, so that nobody can fill the tables (RFC 3261 8.2.7, 26.3.2.4). The same request
   * again is told as a new one, and must get the same answer; `tag` is not used. Not so once a provisional response has gone out:
   * then the request does not come again.
   */
  stateless?: boolean;
}

export interface EndpointHandler {
  /** A new request, in or out of a dialog, anything but ACK and CANCEL. A request that is answered by nobody gets a 500 here. */
  request(transaction: ServerTransaction): void;
  /** An ACK for a 2xx. */
  ack(ack: SipRequest, source: Source): void;
  /** Whether the connection to there must stay open although nothing has been said on it for long. Not given: none must. */
  needs?(remote: Source): boolean;
}
