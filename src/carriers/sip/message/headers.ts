/**
 * The header fields beside the parsed ones, in their order. Names compare without case, and compact forms (RFC 3261 7.3.3) are
 * their long forms. Immutable.
 */
export interface Headers {
  /** The first field's value; undefined without one. */
  get(name: string): string | undefined;
  /** Every field's value; those of a list header (Supported, Require, Allow, Reason ...) are split at their commas. */
  all(name: string): readonly string[];
  has(name: string): boolean;
  /** In place of every field of that name. */
  with(name: string, ...values: string[]): Headers;
  /** Behind those of that name. */
  adding(name: string, value: string): Headers;
  without(name: string): Headers;
  entries(): Iterable<readonly [name: string, value: string]>;
}
