import { parseNumber } from "./chars.ts";
import { limits } from "./limits.ts";
import { readHead } from "./readHead.ts";

/**
 * `message`: the bytes of one message, for parseMessage. `ping`: a keep-alive to be answered with one CR LF (RFC 5626 4.4.1), or
 * many of them in a row. `pong`: such an answer; when its second half comes later, a ping is told after it. `broken`: where the next message begins cannot
 * be known, the connection must be closed; nothing is told any more.
 */
export type StreamEvent = { kind: "message"; bytes: Buffer } | { kind: "ping" } | { kind: "pong" } | { kind: "broken"; detail: string };

export interface StreamParser {
  /** Takes a chunk of the connection, which nobody may write to any more. */
  push(chunk: Buffer): void;
  /** What comes next of all that was pushed; null: nothing that is whole. */
  next(): StreamEvent | null;
  /** A message has begun that is not whole. */
  readonly partial: boolean;
}

const CR = 13;
const LF = 10;

/** Cuts a connection's bytes into messages by their Content-Length (RFC 3261 18.3). Linear time, however they are split. */
export function createStreamParser(): StreamParser {
  /** Bytes not used up are `pending` from `start` to `end`. */
  let pending: Buffer = Buffer.alloc(0);
  let start = 0;
  let end = 0;
  /** Whether `pending` is a buffer of ours, that can be written to. */
  let owned = false;
  /** Up to where no empty line was found; and how long the whole message is, once its head is there. */
  let searched = 0;
  let length: number | null = null;
  /** A CR LF between messages was told as a pong, and may be the first half of a ping. */
  let half = false;
  let broken = false;

  function append(chunk: Buffer): void {
    if (start === end) {
      pending = chunk;
      start = 0;
      end = chunk.length;
      searched = 0;
      owned = false;
      return;
    }
    const size = end - start + chunk.length;
    if (size > pending.length - start || !owned) {
      const grown = Buffer.allocUnsafeSlow(Math.max(size * 2, 4096));
      pending.copy(grown, 0, start, end);
      searched -= start;
      pending = grown;
      end -= start;
      start = 0;
      owned = true;
    }
    chunk.copy(pending, end);
    end += chunk.length;
  }

  function fail(detail: string): StreamEvent {
    broken = true;
    pending = Buffer.alloc(0);
    return { kind: "broken", detail };
  }

  function nextKeepAlive(): StreamEvent | null {
    if (end - start < 2) return null;
    if (pending[start + 1] !== LF) return fail("a CR between messages that is not CR LF");
    let breaks = half ? 1 : 0;
    for (; end - start >= 2 && pending[start] === CR && pending[start + 1] === LF; start += 2) breaks++;
    half = breaks % 2 === 1;
    return { kind: breaks > 1 ? "ping" : "pong" };
  }

  function next(): StreamEvent | null {
    if (broken || start === end) return null;
    if (length === null && pending[start] === CR) return nextKeepAlive();
    half = false;
    if (length === null) {
      const from = Math.max(start, searched - 3);
      const at = pending.subarray(0, end).indexOf("\r\n\r\n", from, "latin1");
      if ((at < 0 ? end : at) - start > limits.message) return fail(`a header of more than ${limits.message} bytes`);
      if (at < 0) {
        searched = end;
        return null;
      }
      const body = contentLength(pending.toString("latin1", start, at));
      if (typeof body === "string") return fail(body);
      length = at + 4 - start + body;
      if (length > limits.message) return fail(`a message of more than ${limits.message} bytes`);
    }
    if (end - start < length) return null;
    const bytes = Buffer.from(pending.subarray(start, start + length));
    start += length;
    searched = start;
    length = null;
    return { kind: "message", bytes };
  }

  return {
    get partial() {
      return !broken && end > start;
    },
    push: (chunk) => {
      if (!broken && chunk.length > 0) append(chunk);
    },
    next,
  };
}

/** What the header says of the body's length, or why that cannot be known. */
function contentLength(text: string): number | string {
  const head = readHead(text);
  if (head.wrong) return head.wrong.detail;
  const found = head.fields.filter((field) => field.key === "content-length");
  if (found.length !== 1) return found.length === 0 ? "no Content-Length on a connection" : "Content-Length more than once";
  return parseNumber(found[0]?.value ?? "", limits.message) ?? "Content-Length cannot be read";
}
