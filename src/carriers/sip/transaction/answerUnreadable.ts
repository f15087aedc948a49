import type { ParseFailure, PartialRequest } from "../message/parseMessage.ts";
import { splitList } from "../message/splitList.ts";
import { parseVia, writeVia } from "../message/via.ts";
import type { Path } from "../transport/path.ts";
import { statelessTag } from "./buildResponse.ts";
import { fixVia, responsePath } from "./fixVia.ts";

/**
 * Answers a request that cannot be read with as much of 8.2.6 as it has: never an ACK, never without a Via. The answer goes to where
 * the request came from, also when its Via does not say a port of it; that Via goes along as it was. False: nothing was sent.
 */
export function answerUnreadable({ request, status, detail }: ParseFailure, path: Path): boolean {
  if (!request || request.method === "ACK" || request.cseq?.endsWith("ACK")) return false;
  const [first, ...others] = request.via;
  if (!first || request.cseq === null) return false;
  const [top = "", ...rest] = splitList(first) ?? [first];
  // Another version of SIP has it in its Via too, and still wants to know (RFC 4475 3.1.2.16).
  const via = parseVia(top.replace(/^SIP *\/ *\d{1,3}\.\d{1,3}/i, "SIP/2.0"));
  const fixed = via && fixVia(via, path.remote);
  const head = [
    `SIP/2.0 ${status} ${detail}`,
    ...[...(fixed ? [writeVia(fixed), ...rest] : [first]), ...others].map((one) => `Via: ${one}`),
    ...field("From", request.from),
    ...field("To", withTag(request)),
    ...field("Call-ID", request.callId),
    `CSeq: ${request.cseq}`,
    "Content-Length: 0",
  ];
  if (head.some((line) => line.includes("\r") || line.includes("\n"))) return false;
  (fixed ? responsePath(path, fixed) : path).send(Buffer.from(`${head.join("\r\n")}\r\n\r\n`));
  return true;
}

function field(name: string, value: string | null): string[] {
  return value === null ? [] : [`${name}: ${value}`];
}

function withTag({ via, from, to, callId, cseq }: PartialRequest): string | null {
  if (to === null || /;\s*tag\s*=/i.test(to)) return to;
  return `${to};tag=${statelessTag(via[0] ?? "", from ?? "", callId ?? "", cseq ?? "")}`;
}
