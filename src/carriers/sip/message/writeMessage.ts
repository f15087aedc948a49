import { isCallId, isToken } from "./chars.ts";
import { headerKey } from "./headerNames.ts";
import type { SipMessage } from "./message.ts";
import { writeNameAddr } from "./nameAddr.ts";
import { writeUri } from "./uri.ts";
import { writeVia } from "./via.ts";

/** What stands beside `headers` and cannot be in them too. Contact and Record-Route may: several fields are no contradiction. */
const apart = new Set(["via", "from", "to", "call-id", "cseq", "content-length"]);

/**
 * The bytes of a message, Content-Length computed. Throws when a value holds a line break or a name is none: nothing that came
 * from outside can add a header field.
 */
export function writeMessage(message: SipMessage): Buffer {
  let head: string;
  if (message.kind === "request") {
    head = `${token(message.method)} ${writeUri(message.uri)} SIP/2.0\r\n`;
  } else {
    if (!Number.isInteger(message.status) || message.status < 100 || message.status > 699)
      throw new Error(`not a status: ${message.status}`);
    head = `SIP/2.0 ${message.status} ${clean("reason", message.reason)}\r\n`;
  }
  for (const via of message.via) head += `Via: ${writeVia(via)}\r\n`;
  if (message.kind === "request") {
    head += `Max-Forwards: ${integer(message.maxForwards)}\r\n`;
    for (const route of message.route) head += `Route: ${writeNameAddr(route)}\r\n`;
  }
  for (const route of message.recordRoute) head += `Record-Route: ${writeNameAddr(route)}\r\n`;
  head += `From: ${writeNameAddr(message.from)}\r\nTo: ${writeNameAddr(message.to)}\r\n`;
  if (!isCallId(message.callId)) throw new Error(`not a Call-ID: ${JSON.stringify(message.callId)}`);
  head += `Call-ID: ${message.callId}\r\nCSeq: ${integer(message.cseq.sequence)} ${token(message.cseq.method)}\r\n`;
  if (message.contact === "*") head += "Contact: *\r\n";
  else for (const contact of message.contact) head += `Contact: ${writeNameAddr(contact)}\r\n`;
  for (const [name, value] of message.headers.entries()) {
    const key = headerKey(name);
    if (apart.has(key) || (key === "max-forwards" && message.kind === "request")) throw new Error(`${name} stands beside the headers`);
    head += `${token(name)}: ${clean(name, value)}\r\n`;
  }
  head += `Content-Length: ${message.body.length}\r\n\r\n`;
  const bytes = Buffer.from(head, "utf8");
  return message.body.length === 0 ? bytes : Buffer.concat([bytes, message.body]);
}

function token(text: string): string {
  if (!isToken(text)) throw new Error(`not a token: ${JSON.stringify(text)}`);
  return text;
}

function clean(name: string, value: string): string {
  if (value.includes("\r") || value.includes("\n")) throw new Error(`a line break in ${name}`);
  return value;
}

function integer(value: number): string {
  if (!Number.isInteger(value) || value < 0) throw new Error(`not a number for a header: ${value}`);
  return String(value);
}
