import { isCallId, isToken, parseNumber, trim } from "./chars.ts";
import { createHeaders } from "./createHeaders.ts";
import { decodeHead } from "./decodeHead.ts";
import { isSingle } from "./headerNames.ts";
import { limits } from "./limits.ts";
import type { NameAddr, SipMessage, Via } from "./message.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { type Field, type Head, readHead } from "./readHead.ts";
import { splitList } from "./splitList.ts";
import { parseUri } from "./uri.ts";
import { parseVia } from "./via.ts";

export type ParseResult = { readonly ok: true; readonly message: SipMessage } | ParseFailure;

export interface ParseFailure {
  readonly ok: false;
  /** What the request is answered with: 400, 505 (another version of SIP), 513 (too large). */
  readonly status: 400 | 505 | 513;
  /** What is wrong, in words, fit for a reason phrase and a log. */
  readonly detail: string;
  /** Null for what is no request: nothing can be answered. */
  readonly request: PartialRequest | null;
}

/** The header fields of a request that cannot be read, as they were written, so that it can be answered. The first of each. */
export interface PartialRequest {
  readonly method: string;
  /** One element per header field; several values may stand in one. */
  readonly via: readonly string[];
  readonly from: string | null;
  readonly to: string | null;
  readonly callId: string | null;
  readonly cseq: string | null;
}

/** RFC 3261 8.1.1.5. */
const maxSequence = 2 ** 31 - 1;

class Unreadable extends Error {}

/**
 * Reads one message from a datagram, or from what createStreamParser cut out of a stream. Strict in what RFC 3261 says of the
 * fields that transactions and dialogs stand on; a field that is nobody's business here is kept as text. Never throws; linear time.
 */
export function parseMessage(bytes: Buffer): ParseResult {
  const begin = skipLineBreaks(bytes);
  const headEnd = bytes.indexOf("\r\n\r\n", begin, "latin1");
  const head = readHead(decodeHead(bytes.subarray(begin, Math.min(headEnd < 0 ? bytes.length : headEnd, begin + limits.message))));
  const start = readStart(head.start);
  const failed = (status: ParseFailure["status"], detail: string): ParseFailure => ({
    ok: false,
    status,
    detail,
    request: start && start.kind !== "response" ? partial(start.method, head) : null,
  });
  if (!start) return failed(400, "neither a request nor a response");
  if (start.kind === "version") return failed(505, `not SIP/2.0: ${excerpt(start.version)}`);
  if (start.kind === "wrong") return failed(400, start.detail);
  if (bytes.length - begin > limits.message) return failed(513, `more than ${limits.message} bytes`);
  if (head.wrong) return failed(head.wrong.status, head.wrong.detail);
  if (headEnd < 0) return failed(400, "no empty line behind the header");
  try {
    return { ok: true, message: readMessage(start, head, bytes.subarray(headEnd + 4)) };
  } catch (error) {
    if (error instanceof Unreadable) return failed(400, error.message);
    throw error;
  }
}

type Start =
  | { kind: "request"; method: string; uri: string }
  | { kind: "response"; status: number; reason: string }
  | { kind: "version"; method: string; version: string }
  | { kind: "wrong"; method: string; detail: string };

/** The start line (RFC 3261 7.1, 7.2): single spaces, nothing behind. */
function readStart(line: string): Start | null {
  if (/^SIP\//i.test(line)) {
    const match = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/is.exec(line);
    return match ? { kind: "response", status: Number(match[1]), reason: trim(match[2] ?? "") } : null;
  }
  const first = line.indexOf(" ");
  const method = line.slice(0, first);
  const last = line.lastIndexOf(" ");
  if (first < 1 || !isToken(method) || !/ SIP\/\d+\.\d+ *$/i.test(line.slice(-40))) return null;
  if (line.endsWith(" ") || first === last) return { kind: "wrong", method, detail: "Request-Line not of method, URI and version" };
  const version = line.slice(last + 1);
  if (version.toUpperCase() !== "SIP/2.0") return { kind: "version", method, version };
  return { kind: "request", method, uri: line.slice(first + 1, last) };
}

function readMessage(start: Extract<Start, { kind: "request" | "response" }>, head: Head, rest: Buffer): SipMessage {
  const request = start.kind === "request";
  const via: Via[] = [];
  const contact: NameAddr[] = [];
  const recordRoute: NameAddr[] = [];
  const route: NameAddr[] = [];
  const others: Array<readonly [string, string]> = [];
  const singles = new Map<string, string>();
  let star = false;
  for (const field of head.fields) {
    const { key, value } = field;
    if (isSingle(key)) {
      if (singles.has(key)) throw new Unreadable(`${field.name} more than once`);
      singles.set(key, value);
    }
    if (key === "via") list(field, parseVia, via);
    else if (key === "record-route") list(field, parseNameAddr, recordRoute);
    else if (key === "route" && request) list(field, parseNameAddr, route);
    else if (key === "contact" && value === "*") star = true;
    else if (key === "contact") list(field, parseNameAddr, contact, !request);
    else if (!apart.has(key) && !(key === "max-forwards" && request)) others.push([field.name, value]);
  }
  if (via.length === 0) throw new Unreadable("no Via");
  const cseq = readCSeq(required(singles, "cseq", "CSeq"));
  if (star && (!request || start.method !== "REGISTER" || contact.length > 0)) throw new Unreadable("Contact * where it cannot be");
  const common = {
    via,
    from: address(singles, "from", "From"),
    to: address(singles, "to", "To"),
    callId: readCallId(required(singles, "call-id", "Call-ID")),
    cseq,
    contact: star ? ("*" as const) : contact,
    recordRoute,
    headers: createHeaders(others),
    body: readBody(singles.get("content-length"), rest),
  };
  if (start.kind === "response") return { kind: "response", status: start.status, reason: start.reason, ...common };
  const uri = parseUri(start.uri);
  if (!uri) throw new Unreadable(`Request-URI cannot be read: ${excerpt(start.uri)}`);
  // 19.1.1
  if (uri.kind === "sip" && uri.headers !== null) throw new Unreadable("Request-URI with headers");
  // 8.1.1.5
  if (cseq.method !== start.method) throw new Unreadable(`CSeq is of ${cseq.method}, the request is ${start.method}`);
  return { kind: "request", method: start.method, uri, maxForwards: readMaxForwards(singles.get("max-forwards")), route, ...common };
}

/** Fields that stand beside `headers`, or are made anew. */
const apart = new Set(["from", "to", "call-id", "cseq", "content-length"]);

/** `lenient`: what cannot be read is left out. A response is better taken without its Contact than lost: nobody would send it again. */
function list<T>(field: Field, parse: (text: string) => T | null, into: T[], lenient = false): void {
  for (const item of splitList(field.value) ?? [field.value]) {
    const one = parse(item);
    if (one === null && lenient) continue;
    if (one === null) throw new Unreadable(`${field.name} cannot be read: ${excerpt(item)}`);
    into.push(one);
  }
}

function required(singles: ReadonlyMap<string, string>, key: string, name: string): string {
  const value = singles.get(key);
  if (value === undefined) throw new Unreadable(`no ${name}`);
  return value;
}

function address(singles: ReadonlyMap<string, string>, key: string, name: string): NameAddr {
  const value = required(singles, key, name);
  const read = parseNameAddr(value);
  if (!read) throw new Unreadable(`${name} cannot be read: ${excerpt(value)}`);
  return read;
}

function readCallId(value: string): string {
  if (value === "") throw new Unreadable("an empty Call-ID");
  if (!isCallId(value)) throw new Unreadable("Call-ID cannot be read");
  return value;
}

function readCSeq(value: string): { sequence: number; method: string } {
  const space = /[ \t]/.exec(value)?.index ?? value.length;
  const sequence = parseNumber(value.slice(0, space), maxSequence);
  const method = trim(value.slice(space));
  if (sequence === null || !isToken(method)) throw new Unreadable(`CSeq cannot be read: ${excerpt(value)}`);
  return { sequence, method };
}

/** Requests without one are of RFC 2543; they get what a client would put (8.1.1.6). */
function readMaxForwards(value: string | undefined): number {
  if (value === undefined) return 70;
  const hops = parseNumber(value, 255);
  if (hops === null) throw new Unreadable(`Max-Forwards cannot be read: ${excerpt(value)}`);
  return hops;
}

/** RFC 3261 18.3: what is behind the length is no part of it; less than it says is an error. */
function readBody(length: string | undefined, rest: Buffer): Buffer {
  if (length === undefined) return rest;
  const bytes = parseNumber(length, Number.MAX_SAFE_INTEGER);
  if (bytes === null) throw new Unreadable(`Content-Length cannot be read: ${excerpt(length)}`);
  if (bytes > rest.length) throw new Unreadable(`Content-Length is ${bytes}, the body has ${rest.length} bytes`);
  return bytes === 0 ? NO_BODY : rest.subarray(0, bytes);
}

/** Of its own memory: what is cut from a datagram keeps all of what that lies in. */
const NO_BODY = Buffer.alloc(0);

function partial(method: string, head: Head): PartialRequest {
  const first = (key: string): string | null => head.fields.find((field) => field.key === key)?.value ?? null;
  return {
    method,
    via: head.fields.filter((field) => field.key === "via").map((field) => field.value),
    from: first("from"),
    to: first("to"),
    callId: first("call-id"),
    cseq: first("cseq"),
  };
}

function skipLineBreaks(bytes: Buffer): number {
  let i = 0;
  while (bytes[i] === 13 && bytes[i + 1] === 10) i += 2;
  return i;
}

function excerpt(text: string): string {
  let out = "";
  for (const character of text.slice(0, 60)) out += character >= " " && character !== "\x7f" ? character : "?";
  return text.length > 60 ? `${out}...` : out;
}
