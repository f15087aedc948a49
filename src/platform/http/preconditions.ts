import type { IncomingHttpHeaders } from "node:http";

/** What tells one state of a representation from another: a strong entity tag, with its quotes, and whole seconds. */
export interface Validators {
  etag: string;
  lastModified: Date;
}

/** RFC 9110 13.2.2, for GET and HEAD, without If-Range. */
export function checkPreconditions(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): "go on" | 304 | 412 {
  const ifMatch = headers["if-match"];
  const unmodifiedSince = dateIn(headers["if-unmodified-since"]);
  if (ifMatch !== undefined) {
    // Strong comparison: a weak tag matches nothing.
    if (!tagsIn(ifMatch).some((tag) => tag === "*" || tag === etag)) return 412;
  } else if (unmodifiedSince !== undefined && seconds(lastModified) > seconds(unmodifiedSince)) return 412;

  const ifNoneMatch = headers["if-none-match"];
  const modifiedSince = dateIn(headers["if-modified-since"]);
  if (ifNoneMatch !== undefined) {
    if (tagsIn(ifNoneMatch).some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag)) return 304;
  } else if (modifiedSince !== undefined && seconds(lastModified) <= seconds(modifiedSince)) return 304;
  return "go on";
}

/** RFC 9110 13.1.5: whether a Range still means what its sender has seen. */
export function rangeHolds(ifRange: string | string[] | undefined, { etag, lastModified }: Validators): boolean {
  if (ifRange === undefined) return true;
  if (typeof ifRange !== "string") return false;
  if (ifRange.includes('"')) return ifRange.trim() === etag;
  const date = dateIn(ifRange);
  return date !== undefined && seconds(date) === seconds(lastModified);
}

const tagsIn = (header: string): string[] => header.match(/(?:W\/)?"[^"]*"|\*/g) ?? [];
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);

function dateIn(header: string | undefined): Date | undefined {
  const date = new Date(header ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date;
}
