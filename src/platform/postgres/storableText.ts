/** The text without what PostgreSQL has no place for: NUL characters, and halves of surrogate pairs. For what comes over a wire that allows them. */
export const storableText = (text: string): string => text.replaceAll("\0", "").toWellFormed();
