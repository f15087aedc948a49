import { trim } from "./chars.ts";
import { endOfQuoted } from "./quoted.ts";

/** A header's value at its commas, outside of quotes and angle brackets; empty elements stay. Null when a quote is not closed. */
export function splitList(value: string): string[] | null {
  if (!value.includes(",")) return [value];
  const items: string[] = [];
  let start = 0;
  let bracket = false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 60) bracket = true;
    else if (code === 62) bracket = false;
    else if (code === 34 && !bracket) {
      const end = endOfQuoted(value, i);
      if (end < 0) return null;
      i = end - 1;
    } else if (code === 44 && !bracket) {
      items.push(trim(value.slice(start, i)));
      start = i + 1;
    }
  }
  items.push(trim(value.slice(start)));
  return items;
}
