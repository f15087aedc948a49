import { trim } from "../message/chars.ts";
import type { SipRequest } from "../message/message.ts";

type Bodied = Pick<SipRequest, "headers" | "body">;

export const SDP = "application/sdp";

/** Type and subtype without parameters, in lower case; "" when there is none. */
export const contentType = ({ headers }: Pick<SipRequest, "headers">): string => typeOf(headers.get("Content-Type") ?? "");

const typeOf = (value: string): string => trim(value.split(";", 1)[0] ?? "").toLowerCase();

/** A body of several parts (RFC 2046 5.1), which may hold an SDP beside what telephone exchanges tell each other (RFC 5621 3). */
export const isMultipart = (message: Pick<SipRequest, "headers">): boolean => contentType(message).startsWith("multipart/");

/** The SDP of a request or a response; undefined when it has none. */
export function sdpOf(message: Bodied): string | undefined {
  if (message.body.length === 0) return undefined;
  if (contentType(message) === SDP) return message.body.toString("utf8");
  return isMultipart(message) ? partOf(message) : undefined;
}

/** The first part that is an SDP. Parts within parts are not looked into. */
function partOf({ headers, body }: Bodied): string | undefined {
  const boundary = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(headers.get("Content-Type") ?? "");
  const name = boundary?.[1] ?? boundary?.[2];
  if (name === undefined) return undefined;
  // What is before the first delimiter and behind the last belongs to nobody.
  const parts = `\r\n${body.toString("utf8")}`.split(`\r\n--${name}`).slice(1);
  for (const part of parts) {
    const end = part.indexOf("\r\n\r\n");
    if (part.startsWith("--") || end < 0) continue;
    const fields = part.slice(0, end).split("\r\n");
    const type = fields.find((field) => /^(content-type|c)[ \t]*:/i.test(field));
    if (type !== undefined && typeOf(type.slice(type.indexOf(":") + 1)) === SDP) return part.slice(end + 4);
  }
  return undefined;
}
