import { type Static, type TObject, type TProperties, type TUnsafe, Type } from "typebox";

/** At least one character that can be seen. */
export const NOT_BLANK = "[^\\s\\p{Cc}\\p{Cf}]";

/**
 * A request body. Unknown fields are ignored, as clients send what they have; but the camelCase spelling of a field (yappr 1)
 * and those in `refused` are errors, which `words.ts` words, so that what was meant is not lost in silence.
 */
export function Body<P extends TProperties>(
  properties: P,
  { refused = [], ...options }: { refused?: readonly string[]; [keyword: string]: unknown } = {},
): TUnsafe<Static<TObject<P>>> {
  const misspelt = Object.keys(properties).filter((name) => name.includes("_"));
  const names = [...misspelt.map(camelCase), ...refused];
  return Type.Unsafe<Static<TObject<P>>>({
    ...Type.Object(properties),
    ...(names.length > 0 ? { patternProperties: { [`^(${names.join("|")})$`]: false } } : {}),
    ...options,
  });
}

const camelCase = (name: string): string => name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
