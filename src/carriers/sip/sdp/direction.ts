import type { Direction } from "./negotiation.ts";

const direction = (send: boolean, receive: boolean): Direction =>
  send ? (receive ? "sendrecv" : "sendonly") : receive ? "recvonly" : "inactive";

export const sends = (one: Direction): boolean => one === "sendrecv" || one === "sendonly";
export const receives = (one: Direction): boolean => one === "sendrecv" || one === "recvonly";

/** As the other side has it (RFC 3264 6.1). */
export const mirrored = (one: Direction): Direction => direction(receives(one), sends(one));

/** What both allow. */
export const both = (a: Direction, b: Direction): Direction => direction(sends(a) && sends(b), receives(a) && receives(b));
