import { createSocket } from "node:dgram";
import type { TestContext } from "node:test";
import type { Target } from "../../../../../src/carriers/sip/endpoint.ts";
import { until } from "../../../../support/until.ts";

/** A UDP peer that says and hears plain text. */
export interface RawPeer {
  readonly port: number;
  readonly target: Target;
  readonly heard: string[];
  send(text: string, to: Target): void;
  /** The `count`th message whose start line matches; waits for it. */
  next(start: RegExp, count?: number): Promise<string>;
}

export async function rawPeer(t: TestContext, address = "127.0.0.1"): Promise<RawPeer> {
  const socket = createSocket("udp4");
  const heard: string[] = [];
  socket.on("message", (bytes) => heard.push(bytes.toString()));
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  t.after(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const { port } = socket.address();
  return {
    port,
    target: { protocol: "udp", host: address, port },
    heard,
    send: (text, to) => socket.send(text, to.port ?? 5060, to.host),
    next: (start, count = 1) =>
      until(() => heard.filter((one) => start.test(one.split("\r\n", 1)[0] ?? ""))[count - 1], { what: `${start}` }),
  };
}

export interface RawRequest {
  method?: string;
  branch?: string;
  via?: string;
  from?: string;
  to?: string;
  callId?: string;
  sequence?: number;
  uri?: string;
  version?: string;
  extra?: string[];
  body?: string;
}

/** A request as text; `via` without its branch. */
export function rawRequest(peer: { port: number }, more: RawRequest = {}): string {
  const { method = "OPTIONS", branch = ";branch=z9hG4bKraw", via = `SIP/2.0/UDP 127.0.0.1:${peer.port};rport`, body = "" } = more;
  return [
    `${method} ${more.uri ?? "sip:bob@example.com"} ${more.version ?? "SIP/2.0"}`,
    `Via: ${via}${branch}`,
    `From: ${more.from ?? "<sip:alice@example.org>;tag=a"}`,
    `To: ${more.to ?? "<sip:bob@example.com>"}`,
    `Call-ID: ${more.callId ?? "raw@test"}`,
    `CSeq: ${more.sequence ?? 1} ${method}`,
    "Max-Forwards: 70",
    ...(more.extra ?? []),
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/** A response to a request that was heard, with the fields that RFC 3261 8.2.6 copies. */
export function rawResponse(request: string, status: number, tag: string, more: { method?: string } = {}): string {
  const field = (name: string) => request.split("\r\n").find((line) => line.startsWith(`${name}: `)) ?? "";
  const cseq = more.method ? field("CSeq").replace(/\w+$/, more.method) : field("CSeq");
  const to = field("To").includes(";tag=") ? field("To") : `${field("To")};tag=${tag}`;
  return [`SIP/2.0 ${status} X`, field("Via"), field("From"), to, field("Call-ID"), cseq, "Content-Length: 0", "", ""].join("\r\n");
}

export function headerOf(message: string, name: string): string | undefined {
  return message
    .split("\r\n")
    .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))
    ?.slice(name.length + 2);
}
