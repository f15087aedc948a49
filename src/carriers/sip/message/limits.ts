/** What a message may be; beyond it, it is refused and not read further. */
export const limits = {
  /** Bytes of a whole message. */
  message: 65_536,
  /** Bytes of a header field with its continuation lines. */
  field: 8_192,
  /** Header fields. */
  fields: 256,
} as const;
