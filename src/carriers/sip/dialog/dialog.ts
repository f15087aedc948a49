import type { Protocol, Source, Target } from "../endpoint.ts";
import { createHeaders } from "../message/createHeaders.ts";
import type { NameAddr, SipRequest, SipResponse, SipUri, Uri } from "../message/message.ts";
import { isBehindNat } from "./isBehindNat.ts";

/** One dialog (RFC 3261 12). Its identity never changes; the rest follows what is sent and received in it. */
export interface Dialog {
  readonly callId: string;
  /** With our tag. */
  readonly local: NameAddr;
  /** With theirs, when they have one (12.1.1: a peer of RFC 2543 may have none). */
  readonly remote: NameAddr;
  readonly contact: NameAddr;
  remoteTarget: Uri;
  /** The first is the next hop. */
  routeSet: readonly NameAddr[];
  localSequence: number;
  /** Null until they have sent a request. */
  remoteSequence: number | null;
  /** Where the INVITE went to, or their last request came from: what URIs that say nothing of it are completed from. */
  firstHop: Target;
  /** They sent the INVITE: over TCP and TLS the first hop's port is one of the moment, at which nobody listens. */
  readonly incoming: boolean;
}

export const tagOf = (address: NameAddr): string => address.params.get("tag") ?? "";

/** The dialog that a response to our INVITE makes (12.1.2). */
export function dialogOfResponse(invite: SipRequest, response: SipResponse, contact: NameAddr, firstHop: Target): Dialog {
  return {
    callId: invite.callId,
    local: invite.from,
    remote: response.to,
    contact,
    remoteTarget: contactUri(response) ?? invite.uri,
    routeSet: response.recordRoute.toReversed(),
    localSequence: invite.cseq.sequence,
    remoteSequence: null,
    firstHop,
    incoming: false,
  };
}

/** The dialog that our answer to their INVITE makes (12.1.1). `local`: their To, with our tag. */
export function dialogOfInvite(invite: SipRequest, local: NameAddr, contact: NameAddr, source: Source): Dialog {
  return {
    callId: invite.callId,
    local,
    remote: invite.from,
    contact,
    remoteTarget: contactUri(invite) ?? invite.from.uri,
    routeSet: invite.recordRoute,
    localSequence: Math.floor(Math.random() * 10_000),
    remoteSequence: invite.cseq.sequence,
    firstHop: hopBackTo(source),
    incoming: true,
  };
}

/**
 * A request of theirs came from there. Who called us is met where it spoke last: behind a NAT, and at the other end of a connection,
 * the place of before may be nobody's by now. Whom we called is where we called it.
 */
export function metAgain(dialog: Dialog, source: Source): void {
  if (dialog.incoming && source.protocol === dialog.firstHop.protocol) dialog.firstHop = hopBackTo(source);
}

/** To where a request came from. */
export const hopBackTo = (source: Source): Target => ({ protocol: source.protocol, host: source.address, port: source.port, met: source });

/** Where the other side wants requests sent to: the first Contact (12.2.1.2). */
export const contactUri = (message: SipRequest | SipResponse): Uri | undefined =>
  message.contact === "*" ? undefined : message.contact[0]?.uri;

export interface InDialog {
  method: string;
  /** The next one when not given. ACK has that of its INVITE. */
  sequence?: number;
  headers?: ReadonlyArray<readonly [name: string, value: string]>;
  body?: Body | undefined;
}

export interface Body {
  type: string;
  content: string;
}

/** These refresh the remote target (12.2, RFC 3311 5.1), and carry our Contact. REFER does not need it, but peers ask for it (RFC 3515 2.2). */
const WITH_CONTACT: ReadonlySet<string> = new Set(["INVITE", "UPDATE", "REFER"]);

/** A request within the dialog (12.2.1.1). */
export function requestIn(dialog: Dialog, { method, sequence, headers = [], body }: InDialog): SipRequest {
  const number = sequence ?? ++dialog.localSequence;
  return {
    kind: "request",
    method,
    ...destination(dialog),
    maxForwards: 70,
    via: [],
    from: dialog.local,
    to: dialog.remote,
    callId: dialog.callId,
    cseq: { sequence: number, method },
    contact: WITH_CONTACT.has(method) ? [dialog.contact] : [],
    recordRoute: [],
    headers: createHeaders(body ? [...headers, ["Content-Type", body.type]] : headers),
    body: Buffer.from(body?.content ?? ""),
  };
}

function destination({ remoteTarget, routeSet }: Dialog): { uri: Uri; route: readonly NameAddr[] } {
  const [first, ...rest] = routeSet;
  if (!first || isLoose(first.uri)) return { uri: withoutHeaders(remoteTarget), route: routeSet };
  // A strict router finds itself in the Request-URI, and the target at the end of the route.
  return { uri: withoutHeaders(first.uri), route: [...rest, { displayName: null, uri: remoteTarget, params: new Map() }] };
}

const isLoose = (uri: Uri): boolean => uri.kind === "sip" && uri.params.has("lr");

/** What 19.1.1 does not allow in a Request-URI. */
function withoutHeaders(uri: Uri): Uri {
  if (uri.kind !== "sip" || (uri.headers === null && !uri.params.has("method"))) return uri;
  const { method: _, ...params } = Object.fromEntries(uri.params);
  return { ...uri, headers: null, params: new Map(Object.entries(params)) };
}

/**
 * Where a request of the dialog is sent to: the first route, else the remote target. RFC 3263 4.1 without NAPTR: UDP when
 * nothing else is said, TLS for sips. A URI that is the first hop itself means the transport that was used there, as peers leave
 * it out of Contact, and the connection that is open (RFC 5923): its certificate is for a name, a Record-Route has the address.
 */
export function hopOf({ routeSet, remoteTarget, firstHop, incoming }: Dialog): Target {
  const uri = routeSet[0]?.uri ?? remoteTarget;
  if (uri.kind !== "sip") return firstHop;
  const { met } = firstHop;
  const host = (uri.params.get("maddr") ?? uri.host).replace(/^\[|\]$/g, "");
  if (met && isBehindNat(host, met.address)) return firstHop;
  const listening = !incoming || firstHop.protocol === "udp";
  const sameHost = host === firstHop.host.toLowerCase() || host === met?.address;
  const samePlace = sameHost && (!listening || uri.port === null || uri.port === firstHop.port);
  const protocol = protocolOf(uri) ?? (samePlace ? firstHop.protocol : "udp");
  const port = uri.port ?? (samePlace && listening ? firstHop.port : null);
  return samePlace && protocol === firstHop.protocol ? { ...firstHop, port } : { protocol, host, port };
}

function protocolOf(uri: SipUri): Protocol | undefined {
  const said = uri.params.get("transport")?.toLowerCase();
  if (said === "tls" || (uri.scheme === "sips" && said !== "udp")) return "tls";
  return said === "tcp" || said === "udp" ? said : undefined;
}
