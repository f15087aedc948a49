/** As much of SIP as the called side needs, read with regular expressions: what the product sends is not judged here. */
export interface SipText {
  /** Undefined of a response. */
  method: string | undefined;
  /** NaN of a request. */
  status: number;
  /** The user part that a request is for. */
  user: string;
  text: string;
}

export function readSip(bytes: Buffer): SipText {
  const text = bytes.toString("latin1");
  const request = /^([A-Z]+) sips?:(?:([^@\s]*)@)?\S* SIP\/2\.0/.exec(text);
  return { method: request?.[1], status: Number(/^SIP\/2\.0 (\d{3})/.exec(text)?.[1]), user: request?.[2] ?? "", text };
}

/** Every value of a header, each as it stands on its line. */
export const headersOf = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)[ \\t]*\\r?$`, "gim"))].map((match) => match[1] ?? "");

export const headerOf = (text: string, name: string): string => headersOf(text, name)[0] ?? "";

export interface ResponseOptions {
  tag?: string;
  contact?: string;
  body?: string;
}

export function respond(request: string, status: string, { tag, contact, body = "" }: ResponseOptions = {}): string {
  const to = headerOf(request, "To");
  return message(
    `SIP/2.0 ${status}`,
    [
      ...headersOf(request, "Via").map((via) => `Via: ${via}`),
      ...headersOf(request, "Record-Route").map((route) => `Record-Route: ${route}`),
      `From: ${headerOf(request, "From")}`,
      `To: ${to}${tag && !/;tag=/i.test(to) ? `;tag=${tag}` : ""}`,
      `Call-ID: ${headerOf(request, "Call-ID")}`,
      `CSeq: ${headerOf(request, "CSeq")}`,
      ...(contact ? [`Contact: ${contact}`] : []),
      ...(body ? ["Content-Type: application/sdp"] : []),
    ],
    body,
  );
}

export const message = (start: string, headers: readonly string[], body = ""): string =>
  [start, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join("\r\n");

export const audioAt = (port: number): string =>
  [
    "v=0",
    "o=called 1 1 IN IP4 127.0.0.1",
    "s=-",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    `m=audio ${port} RTP/AVP 8 101`,
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=sendrecv",
    "",
  ].join("\r\n");

/** Where the offer wants its sound; 0 when there is none. */
export const audioPortOf = (text: string): number => Number(/^m=audio (\d+) /m.exec(text)?.[1] ?? 0);
