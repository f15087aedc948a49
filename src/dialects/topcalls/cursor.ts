import { isUuid } from "../../platform/ids.ts";
import { ProblemError } from "../kit/problem.ts";

/** An opaque page mark (topcalls 1.5): the id of the last row of a page. */
export const toCursor = (id: string): string => Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");

/** Throws the dialect's 400 for anything that `toCursor` never made. */
export function fromCursor(cursor: string): string {
  const hex = Buffer.from(cursor, "base64url").toString("hex");
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  if (isUuid(id)) return id;
  throw new ProblemError({
    kind: "invalid_request",
    part: "querystring",
    fields: [{ path: ["cursor"], keyword: "format", params: {}, message: "is not a cursor of this list" }],
  });
}

/** A page out of `limit` + 1 rows. */
export function page<Row extends { id: string }, Item>(rows: readonly Row[], limit: number, present: (row: Row) => Item) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit;
  return { items: shown.map(present), has_more: hasMore, next_cursor: hasMore && last ? toCursor(last.id) : null };
}
