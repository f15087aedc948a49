import { type FileHandle, open } from "node:fs/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { isErrno } from "../files.ts";
import { parseByteRange } from "./byte-range.ts";
import { checkPreconditions, rangeHolds, type Validators } from "./preconditions.ts";

export interface FileToSend {
  path: string;
  contentType: string;
  /** What a browser saves it as: ASCII letters, digits, dots and dashes. */
  filename: string;
}

/**
 * Answers a GET or HEAD with a file, as a stream: whole, in part, or not at all (RFC 9110 13 and 14). Undefined, and nothing
 * answered, when there is no such file.
 */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: FileToSend): Promise<FastifyReply | undefined> {
  const handle = await open(file.path, "r").catch((error: unknown) => {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  });
  if (!handle) return undefined;
  const part = await describe(request, reply, file, handle).catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  if (part) return reply.send(handle.createReadStream({ start: part.from, end: part.to }));
  await handle.close();
  return reply.send();
}

/** Writes status and headers; returns what of the file is sent, if anything. The stream of it closes the file, whoever goes away. */
async function describe(
  request: FastifyRequest,
  reply: FastifyReply,
  file: FileToSend,
  handle: FileHandle,
): Promise<{ from: number; to: number } | undefined> {
  const { size, validators } = await stateOf(handle);
  reply
    .header("accept-ranges", "bytes")
    .header("etag", validators.etag)
    .header("last-modified", validators.lastModified.toUTCString())
    .header("cache-control", "private, no-cache");
  const verdict = checkPreconditions(request.headers, validators);
  if (verdict !== "go on") return void reply.code(verdict);

  // A HEAD is answered as if it had no Range (RFC 9110 14.2).
  const asked = request.method === "GET" && rangeHolds(request.headers["if-range"], validators) ? request.headers.range : undefined;
  const range = parseByteRange(asked, size);
  if (range.kind === "unsatisfiable") return void reply.code(416).header("content-range", `bytes */${size}`);
  const { from, to } = range.kind === "part" ? range : { from: 0, to: size - 1 };
  reply
    .code(range.kind === "part" ? 206 : 200)
    .type(file.contentType)
    .header("content-length", to - from + 1)
    .header("content-disposition", `inline; filename="${file.filename}"`);
  if (range.kind === "part") reply.header("content-range", `bytes ${from}-${to}/${size}`);
  return request.method === "HEAD" || size === 0 ? undefined : { from, to };
}

async function stateOf(handle: FileHandle): Promise<{ size: number; validators: Validators }> {
  const { size, mtimeMs, ino } = await handle.stat();
  const etag = `"${ino.toString(36)}-${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`;
  return { size, validators: { etag, lastModified: new Date(mtimeMs) } };
}
