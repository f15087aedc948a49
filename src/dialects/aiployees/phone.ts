/** What people write between the digits of a number. */
const SEPARATOR = "[\\s().\\-\\u2010-\\u2015]";

/** aiployees 1.7: a plus is required; spaces, dashes, dots and parentheses are left out. What remains is E.164. */
export const PHONE_PATTERN = `^${SEPARATOR}*\\+${SEPARATOR}*[1-9](?:${SEPARATOR}*[0-9]){7,14}${SEPARATOR}*$`;

/** Part of a number, as a filter. Two runs of separators never stand side by side: matching those takes the square of their length. */
export const PHONE_PART_PATTERN = `^${SEPARATOR}*(?:\\+${SEPARATOR}*)?[0-9](?:${SEPARATOR}*[0-9])*${SEPARATOR}*$`;

const SEPARATORS = new RegExp(SEPARATOR, "g");

export const compactPhone = (typed: string): string => typed.replace(SEPARATORS, "");
