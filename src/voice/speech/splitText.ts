/** Where a text can be cut, the best first: after a sentence, after a clause, between words. */
const CUTS = [/[.!?…。؟]+["'”’)]*\s+/gu, /[,;:–—،]\s+/gu, /\s+/gu];

/** A text in parts of at most `most` characters each, cut where it is heard least. */
export function splitText(text: string, most: number): string[] {
  const parts: string[] = [];
  let rest = text.trim();
  while (rest.length > most) {
    const cut = lastCut(rest.slice(0, most)) ?? wholeCharacters(rest, most);
    parts.push(rest.slice(0, cut).trim());
    rest = rest.slice(cut).trim();
  }
  return [...parts, rest];
}

function lastCut(text: string): number | undefined {
  for (const pattern of CUTS) {
    const last = [...text.matchAll(pattern)].at(-1);
    // A cut that leaves next to nothing is none.
    if (last && last.index > text.length / 4) return last.index + last[0].length;
  }
  return undefined;
}

/** Not between the halves of a surrogate pair. */
const wholeCharacters = (text: string, most: number): number => (/[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most);
