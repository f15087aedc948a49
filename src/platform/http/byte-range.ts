/** What of a representation a Range header asks for. `from` and `to` are the first and last byte. */
export type ByteRange = { kind: "whole" } | { kind: "part"; from: number; to: number } | { kind: "unsatisfiable" };

/**
 * RFC 9110 14.1.2 and 14.2: one range of bytes, also from the end. What is no such range, of another unit or several at once, is
 * as if it was not there, which the RFC leaves to the server.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange {
  const match = /^bytes=[ \t]*(\d{0,16})-(\d{0,16})[ \t]*$/i.exec(header ?? "");
  const [first, last] = [match?.[1] ?? "", match?.[2] ?? ""];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") {
    const length = Number(last);
    if (length === 0 || size === 0) return { kind: "unsatisfiable" };
    return { kind: "part", from: Math.max(0, size - length), to: size - 1 };
  }
  const from = Number(first);
  const to = last === "" ? size - 1 : Number(last);
  if (last !== "" && to < from) return { kind: "whole" };
  if (from >= size) return { kind: "unsatisfiable" };
  return { kind: "part", from, to: Math.min(to, size - 1) };
}
