import { randomBytes, randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Target } from "../../../src/carriers/sip/endpoint.ts";
import { createHeaders } from "../../../src/carriers/sip/message/createHeaders.ts";
import type { NameAddr, SipMessage, SipRequest, SipResponse, Uri } from "../../../src/carriers/sip/message/message.ts";
import { nameAddr, parseNameAddr } from "../../../src/carriers/sip/message/nameAddr.ts";
import { withParam } from "../../../src/carriers/sip/message/params.ts";
import { parseMessage } from "../../../src/carriers/sip/message/parseMessage.ts";
import { sipUri } from "../../../src/carriers/sip/message/uri.ts";
import { via } from "../../../src/carriers/sip/message/via.ts";
import { writeMessage } from "../../../src/carriers/sip/message/writeMessage.ts";
import { until } from "../../support/until.ts";

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

export interface RequestParts {
  method: string;
  uri: Uri;
  from: NameAddr;
  to: NameAddr;
  callId?: string;
  sequence?: number;
  headers?: Fields;
  /** Of SDP, or with a Content-Type among the headers. */
  body?: string;
  /** Null: without one. */
  contact?: NameAddr | null;
  route?: readonly NameAddr[];
  branch?: string;
}

export interface ResponseParts {
  tag?: string | null;
  headers?: Fields;
  body?: string;
  contact?: NameAddr | null;
  reason?: string;
}

/**
 * A SIP party over UDP on the loopback that does nothing by itself: it sends what a test says and hands out what has come, so that a
 * test writes a race down message by message.
 */
export interface Peer {
  readonly port: number;
  readonly target: Target & { port: number };
  readonly contact: NameAddr;
  /** Everything that has come, copies too. */
  readonly received: readonly SipMessage[];
  /** The next request of that method that no test step has taken yet. Copies of those taken are passed over, ACK's too. */
  request(method: string, matches?: (request: SipRequest) => boolean): Promise<SipRequest>;
  /** The next response to this request, of at least that status, that has not been taken. */
  response(to: SipRequest, least?: number): Promise<SipResponse>;
  /** How often a request came: the same branch and method. */
  copies(request: SipRequest): number;
  respond(request: SipRequest, status: number, parts?: ResponseParts): SipResponse;
  /** Builds and sends a request; sent again with `send`. `to`: a port of the loopback. */
  ask(to: number, parts: RequestParts): SipRequest;
  send(message: SipMessage, to: number): void;
  /** The ACK for a 2xx (a transaction of its own), or for another final response. */
  ack(invite: SipRequest, response: SipResponse, to: number, parts?: { headers?: Fields; body?: string }): SipRequest;
  /** CANCEL of an INVITE of ours. */
  cancel(invite: SipRequest, to: number, headers?: Fields): SipRequest;
  /** A dialog as the peer has it, from an INVITE that it took and its own tag, or from an INVITE it sent and the response. */
  taken(invite: SipRequest, tag: string): PeerDialog;
  made(invite: SipRequest, response: SipResponse): PeerDialog;
  close(): Promise<void>;
}

export interface PeerDialog {
  sequence: number;
  /** To whoever made the INVITE, or answered it. */
  ask(method: string, parts?: { headers?: Fields; body?: string; sequence?: number; contact?: NameAddr | null }): SipRequest;
}

export const LOOPBACK = "127.0.0.1";

export async function openPeer(host = LOOPBACK): Promise<Peer> {
  const socket = createSocket("udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  const { port } = socket.address();
  const contact = nameAddr(sipUri({ user: "peer", host, port }));
  const received: SipMessage[] = [];
  const open: SipMessage[] = [];
  const seen = new Set<string>();
  const tags = new Map<string, string>();

  socket.on("message", (bytes) => {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) throw new Error(`the peer cannot read what was sent to it: ${parsed.detail}`);
    received.push(parsed.message);
    if (parsed.message.kind === "request") {
      const name = nameOf(parsed.message);
      if (seen.has(name)) return;
      seen.add(name);
    }
    open.push(parsed.message);
  });

  async function take<T extends SipMessage>(what: string, find: (message: SipMessage) => message is T): Promise<T> {
    const found = await until(() => open.find(find), { what: `${what} (came: ${received.map(brief).join(", ")})` }).catch(() => undefined);
    if (!found) throw new Error(`${what} did not come; what came: ${received.map(brief).join(", ") || "nothing"}`);
    open.splice(open.indexOf(found), 1);
    return found;
  }

  function send(message: SipMessage, to: number) {
    socket.send(writeMessage(message), to, LOOPBACK);
  }

  function ask(to: number, parts: RequestParts): SipRequest {
    const { method, uri, callId = randomUUID(), sequence = 1, headers = [], body, route = [], branch = newBranch() } = parts;
    const typed = body === undefined || headers.some(([name]) => name === "Content-Type") ? headers : [...headers, SDP_TYPE];
    const request: SipRequest = {
      kind: "request",
      method,
      uri,
      maxForwards: 70,
      via: [via({ transport: "UDP", host, port, params: [["branch", branch]] })],
      route,
      from: parts.from,
      to: parts.to,
      callId,
      cseq: { sequence, method },
      contact: parts.contact === null ? [] : [parts.contact ?? contact],
      recordRoute: [],
      headers: createHeaders(typed),
      body: Buffer.from(body ?? ""),
    };
    send(request, to);
    return request;
  }

  function respond(request: SipRequest, status: number, parts: ResponseParts = {}): SipResponse {
    const { headers = [], body, reason = "Said So" } = parts;
    // One tag per call unless the test says another: a fork, or none at all.
    const own = tags.get(request.callId) ?? randomBytes(4).toString("hex");
    tags.set(request.callId, own);
    const tag = parts.tag === undefined ? own : parts.tag;
    const response: SipResponse = {
      kind: "response",
      status,
      reason,
      via: request.via,
      from: request.from,
      to: request.to.params.has("tag") || tag === null || status === 100 ? request.to : withParam(request.to, "tag", tag),
      callId: request.callId,
      cseq: request.cseq,
      contact: parts.contact === null ? [] : [parts.contact ?? contact],
      recordRoute: [],
      headers: createHeaders(body === undefined || headers.some(([name]) => name === "Content-Type") ? headers : [...headers, SDP_TYPE]),
      body: Buffer.from(body ?? ""),
    };
    const [top] = request.via;
    send(response, Number(top?.params.get("rport") ?? top?.port ?? 5060));
    return response;
  }

  function dialog(to: number, uri: Uri, from: NameAddr, remote: NameAddr, callId: string, start: number): PeerDialog {
    const made: PeerDialog = {
      sequence: start,
      ask: (method, parts = {}) => {
        const sequence = parts.sequence ?? ++made.sequence;
        return ask(to, { ...parts, method, uri, from, to: remote, callId, sequence });
      },
    };
    return made;
  }

  return {
    port,
    target: { protocol: "udp", host, port },
    contact,
    received,
    request: (method, matches = () => true) =>
      take(method, (message): message is SipRequest => message.kind === "request" && message.method === method && matches(message)),
    response: (to, least = 200) =>
      take(
        `a response to ${to.method}`,
        (message): message is SipResponse =>
          message.kind === "response" &&
          message.status >= least &&
          message.cseq.method === to.method &&
          message.via[0]?.params.get("branch") === to.via[0]?.params.get("branch"),
      ),
    copies: (request) => received.filter((message) => message.kind === "request" && nameOf(message) === nameOf(request)).length,
    respond,
    ask,
    send,
    ack: (invite, response, to, parts = {}) => {
      const success = response.status < 300;
      const [target] = response.contact === "*" ? [] : response.contact;
      return ask(to, {
        ...parts,
        method: "ACK",
        uri: success && target ? target.uri : invite.uri,
        from: invite.from,
        to: response.to,
        callId: invite.callId,
        sequence: invite.cseq.sequence,
        contact: null,
        ...(success ? {} : { branch: invite.via[0]?.params.get("branch") ?? "" }),
      });
    },
    cancel: (invite, to, headers = []) =>
      ask(to, {
        method: "CANCEL",
        uri: invite.uri,
        from: invite.from,
        to: invite.to,
        callId: invite.callId,
        sequence: invite.cseq.sequence,
        branch: invite.via[0]?.params.get("branch") ?? "",
        headers,
        contact: null,
      }),
    taken: (invite, tag) => {
      const to = contactOf(invite);
      return dialog(to.port, to.uri, withParam(invite.to, "tag", tag), invite.from, invite.callId, 0);
    },
    made: (invite, response) => {
      const to = contactOf(response);
      return dialog(to.port, to.uri, invite.from, response.to, invite.callId, invite.cseq.sequence);
    },
    close: async () => {
      socket.close();
      await once(socket, "close");
    },
  };
}

const SDP_TYPE = ["Content-Type", "application/sdp"] as const;
const newBranch = (): string => `z9hG4bK${randomBytes(8).toString("hex")}`;

const nameOf = (request: SipRequest): string => `${request.method} ${request.via[0]?.params.get("branch")}`;

const brief = (message: SipMessage): string => (message.kind === "request" ? message.method : `${message.status} (${message.cseq.method})`);

function contactOf(message: SipMessage): { uri: Uri; port: number } {
  const [first] = message.contact === "*" ? [] : message.contact;
  if (first?.uri.kind !== "sip") throw new Error("no Contact to send to");
  return { uri: first.uri, port: first.uri.port ?? 5060 };
}

/** Parses what a test writes. */
export function address(text: string): NameAddr {
  const parsed = parseNameAddr(text);
  if (!parsed) throw new Error(`not an address: ${text}`);
  return parsed;
}

export const tagOf = (of: NameAddr): string => of.params.get("tag") ?? "";

/** An audio SDP of the peer. */
export const sdp = (port = 40_000, parts: { codec?: string; direction?: string; version?: number; host?: string } = {}): string => {
  const { codec = "8 PCMA/8000", direction = "sendrecv", version = 1, host = LOOPBACK } = parts;
  const [type] = codec.split(" ");
  return [
    "v=0",
    `o=peer 1 ${version} IN IP4 ${host}`,
    "s=-",
    `c=IN IP4 ${host}`,
    "t=0 0",
    `m=audio ${port} RTP/AVP ${type} 101`,
    `a=rtpmap:${codec}`,
    "a=rtpmap:101 telephone-event/8000",
    `a=${direction}`,
    "",
  ].join("\r\n");
};
