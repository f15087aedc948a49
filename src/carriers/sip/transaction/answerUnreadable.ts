import type { ParseFailure, PartialRequest } from "../message/parseMessage.ts";
import { splitList } from "../message/splitList.ts";
import { parseVia, writeVia } from "../message/via.ts";
import type { Path } from "../transport/path.ts";
import { statelessTag } from "./buildResponse.ts";
import { fixVia, responsePath } from "./fixVia.ts";

/**
 * Answers a request that cannot be read, when it can be answered at all: never an ACK, never without a Via and what tells the
 * sender which request it was (RFC 3261 8.2.6; 16.3 for what is answered). False: nothing was sent.
 */
export function answerUnreadable({ request, status, detail }: ParseFailure, path: Path): boolean {
  if (!request || request.method === "ACK" || request.cseq?.endsWith("ACK")) return false;
  const [first, ...others] = request.via;
  const [top, ...rest] = first === undefined ? [] : (splitList(first) ?? [first]);
  const via = top === undefined ? null : parseVia(top);
  const { from, to, callId, cseq } = request;
  if (!via || from === null || to === null || callId === null || cseq === null) return false;
  const fixed = fixVia(via, path.remote);
  const head = [
    `SIP/2.0 ${status} ${detail}`,
    `Via: ${writeVia(fixed)}`,
    ...[...rest, ...others].map((one) => `Via: ${one}`),
    `From: ${from}`,
    `To: ${/;\s*tag\s*=/i.test(to) ? to : `${to};tag=${tagOf(request)}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq}`,
    "Content-Length: 0",
  ];
  if (head.some((line) => line.includes("\r") || line.includes("\n"))) return false;
  responsePath(path, fixed).send(Buffer.from(`${head.join("\r\n")}\r\n\r\n`));
  return true;
}

function tagOf(request: PartialRequest): string {
  return statelessTag(request.via[0] ?? "", request.from ?? "", request.callId ?? "", request.cseq ?? "");
}
