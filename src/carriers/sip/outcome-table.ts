import type { LegCause } from "../carrier.ts";

/** What one final answer, or one Q.850 cause, means for the leg. */
export interface Meaning {
  cause: LegCause;
  /** In place of `cause` once it had rung: then a person may stand behind the answer. */
  afterRinging?: LegCause;
  /** For people. Without: the status line says it. */
  words?: string;
  /** Where that is written. */
  source: string;
}

export interface Q850Meaning extends Meaning {
  words: string;
  /** Says more than the SIP status that came with it. */
  decides: boolean;
  /** With a BYE: the connection broke; nobody hung up. */
  breaks: boolean;
}

/** Final answers to an INVITE. */
export const STATUS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [300, { cause: "failed", words: "the gateway points to other addresses, which are not followed", source: "RFC 3261 21.3" }],
  [301, { cause: "unreachable", words: "the number has changed", source: "RFC 3261 21.3.2, RFC 3398 7.2.4.1 (22)" }],
  [400, { cause: "failed", words: "the gateway does not understand our request", source: "RFC 3261 21.4.1" }],
  [401, { cause: "failed", words: "the gateway refuses our credentials", source: "RFC 3261 21.4.2" }],
  [402, { cause: "failed", words: "the gateway asks for payment", source: "RFC 3261 21.4.3" }],
  // RFC 3398 writes Q.850 21, a person's refusal, as 403; before ringing it is the gateway that does not let us.
  [
    403,
    {
      cause: "failed",
      afterRinging: "declined",
      words: "the gateway does not allow this call",
      source: "RFC 3261 21.4.4, RFC 3398 7.2.4.1 (21)",
    },
  ],
  [404, { cause: "unreachable", words: "no such number", source: "RFC 3261 21.4.5, RFC 3398 7.2.4.1 (1)" }],
  [405, { cause: "failed", words: "the gateway takes no calls", source: "RFC 3261 21.4.6" }],
  [407, { cause: "failed", words: "the gateway refuses our credentials", source: "RFC 3261 21.4.8" }],
  [408, { cause: "unreachable", afterRinging: "no_answer", source: "RFC 3261 21.4.9, RFC 3398 7.2.4.1 (18)" }],
  [410, { cause: "unreachable", words: "the number has changed or is gone", source: "RFC 3261 21.4.10, RFC 3398 7.2.4.1 (22)" }],
  [413, { cause: "failed", words: "our request is too large for the gateway", source: "RFC 3261 21.4.11" }],
  [414, { cause: "failed", words: "our request is too large for the gateway", source: "RFC 3261 21.4.12" }],
  [415, { cause: "failed", words: "the gateway takes no SDP", source: "RFC 3261 21.4.13" }],
  [416, { cause: "failed", words: "the gateway does not take this kind of address", source: "RFC 3261 21.4.14" }],
  [420, { cause: "failed", words: "the gateway lacks an extension of SIP", source: "RFC 3261 21.4.15" }],
  [421, { cause: "failed", words: "the gateway needs an extension of SIP that we lack", source: "RFC 3261 21.4.16" }],
  [422, { cause: "failed", words: "no session interval in common", source: "RFC 4028 6" }],
  [428, { cause: "failed", words: "the gateway needs signed caller identity", source: "RFC 8224 6.2.2" }],
  // RFC 5079: the called person, or a service of theirs, takes no anonymous calls.
  [433, { cause: "declined", words: "anonymous calls are not taken", source: "RFC 5079 4" }],
  [436, { cause: "failed", words: "the gateway does not trust the caller's identity", source: "RFC 8224 6.2.2" }],
  [437, { cause: "failed", words: "the gateway does not trust the caller's identity", source: "RFC 8224 6.2.2" }],
  [438, { cause: "failed", words: "the gateway does not trust the caller's identity", source: "RFC 8224 6.2.2" }],
  // Reached, but unavailable now: nobody has heard it ring, unless it has.
  [480, { cause: "unreachable", afterRinging: "no_answer", source: "RFC 3261 21.4.18, RFC 3398 7.2.4.1 (19, 20)" }],
  [481, { cause: "failed", words: "the gateway has lost the call", source: "RFC 3261 21.4.19" }],
  [482, { cause: "failed", words: "the call runs in a loop", source: "RFC 3261 21.4.20" }],
  [483, { cause: "failed", words: "the call passes through too many servers", source: "RFC 3261 21.4.21" }],
  [484, { cause: "unreachable", words: "the number is incomplete", source: "RFC 3261 21.4.22, RFC 3398 7.2.4.1 (28)" }],
  [485, { cause: "unreachable", words: "the number is ambiguous", source: "RFC 3261 21.4.23, RFC 3398 8.2.6.1 (1)" }],
  [486, { cause: "busy", source: "RFC 3261 21.4.24, RFC 3398 8.2.6.1 (17)" }],
  // Ours come as `canceled`; this one was ended by a server in between, which had waited long enough.
  [487, { cause: "failed", afterRinging: "no_answer", words: "a server on the way ended the call", source: "RFC 3261 21.4.25" }],
  [488, { cause: "failed", words: "no codec or encryption in common", source: "RFC 3261 21.4.26" }],
  [493, { cause: "failed", words: "the gateway cannot decrypt our request", source: "RFC 3261 21.4.28" }],
  [494, { cause: "failed", words: "the gateway needs a security agreement", source: "RFC 3329 2.2" }],
  [500, { cause: "failed", words: "the gateway has an error", source: "RFC 3261 21.5.1" }],
  [501, { cause: "failed", words: "the gateway does not know this kind of request", source: "RFC 3261 21.5.2" }],
  [502, { cause: "failed", words: "a server behind the gateway answered wrongly", source: "RFC 3261 21.5.3" }],
  [503, { cause: "failed", words: "the gateway has no room or is out of service", source: "RFC 3261 21.5.4" }],
  [504, { cause: "failed", words: "a server behind the gateway does not answer", source: "RFC 3261 21.5.5" }],
  [505, { cause: "failed", words: "the gateway does not speak SIP 2.0", source: "RFC 3261 21.5.6" }],
  [513, { cause: "failed", words: "our request is too large for the gateway", source: "RFC 3261 21.5.7" }],
  [580, { cause: "failed", words: "the gateway cannot meet a precondition", source: "RFC 3312 8" }],
  [600, { cause: "busy", source: "RFC 3261 21.6.1" }],
  [603, { cause: "declined", source: "RFC 3261 21.6.2" }],
  [604, { cause: "unreachable", words: "no such number anywhere", source: "RFC 3261 21.6.3" }],
  [606, { cause: "failed", words: "no codec or encryption in common", source: "RFC 3261 21.6.4" }],
  [607, { cause: "declined", words: "the person called does not want such calls", source: "RFC 8197 3" }],
  [608, { cause: "declined", words: "a service in between blocks the call", source: "RFC 8688 3" }],
]);

type Flag = "decides" | "breaks";
const cause = (meaning: LegCause, words: string, flags: readonly Flag[] = [], afterRinging?: LegCause): Q850Meaning => ({
  cause: meaning,
  words,
  decides: flags.includes("decides"),
  breaks: flags.includes("breaks"),
  source: "ITU-T Q.850 table 1",
  ...(afterRinging ? { afterRinging } : {}),
});

/** Q.850 gives a class to causes that have no row: the last of the class, such as 47 "resource unavailable, unspecified". */
const CLASSES: ReadonlyArray<readonly [from: number, to: number, Q850Meaning]> = [
  [1, 15, cause("failed", "the call was not put through")],
  [16, 31, cause("failed", "the call was ended")],
  [32, 47, cause("failed", "the network has no resources free", ["breaks"])],
  [48, 63, cause("failed", "the network does not offer this service", ["breaks"])],
  [64, 79, cause("failed", "the network does not know this service", ["breaks"])],
  [80, 95, cause("failed", "the networks do not understand one another", ["breaks"])],
  [96, 111, cause("failed", "the networks do not understand one another", ["breaks"])],
  [112, 127, cause("failed", "a network in between failed", ["breaks"])],
];

const NAMED: ReadonlyArray<readonly [number, Q850Meaning]> = [
  [1, cause("unreachable", "the number is not assigned", ["decides"])],
  [2, cause("unreachable", "no route to that network", ["decides"])],
  [3, cause("unreachable", "no route to that number", ["decides"])],
  [4, cause("unreachable", "the number is not in service", ["decides"])],
  [5, cause("unreachable", "the number begins with a wrong prefix", ["decides"])],
  // The two ordinary ends: with a BYE somebody hung up, and with a refusal they explain nothing.
  [16, cause("failed", "the call was ended normally")],
  [17, cause("busy", "busy", ["decides"])],
  [18, cause("no_answer", "the phone does not respond", ["decides"])],
  [19, cause("no_answer", "nobody answered", ["decides"])],
  [20, cause("unreachable", "the phone is switched off or out of reach", ["decides"])],
  [21, cause("declined", "the call was refused", ["decides"])],
  [22, cause("unreachable", "the number has changed", ["decides"])],
  [23, cause("failed", "the call was sent to a new number, which was not followed", ["decides"])],
  [24, cause("declined", "the call was refused by a service of the person called", ["decides"])],
  [25, cause("failed", "an exchange found a routing error", ["breaks"])],
  [26, cause("failed", "another phone took the call")],
  [27, cause("unreachable", "the line is out of order", ["decides", "breaks"])],
  [28, cause("unreachable", "the number is incomplete or wrong", ["decides"])],
  [29, cause("failed", "a facility was refused")],
  [31, cause("failed", "the call was ended without a reason")],
  [34, cause("failed", "no circuit is free", ["breaks"])],
  [38, cause("failed", "the network is out of order", ["breaks"])],
  [41, cause("failed", "the network has a temporary failure", ["breaks"])],
  [42, cause("failed", "the exchange is congested", ["breaks"])],
  [44, cause("failed", "the circuit asked for is not available", ["breaks"])],
  [47, cause("failed", "the network has no resources free", ["breaks"])],
  [50, cause("failed", "a facility is not subscribed to", ["breaks"])],
  [55, cause("failed", "incoming calls are barred in that group", ["breaks"])],
  [57, cause("failed", "the trunk may not make calls of this kind", ["breaks"])],
  [58, cause("failed", "calls of this kind are not possible now", ["breaks"])],
  [65, cause("failed", "the network does not carry calls of this kind", ["breaks"])],
  [79, cause("failed", "the network does not offer this service", ["breaks"])],
  [87, cause("failed", "the caller is not a member of the called group", ["breaks"])],
  [88, cause("failed", "no codec or kind of call in common", ["breaks"])],
  // RFC 3398 8.2.6.1 writes 408 and 504 as 102: a timer ran out between exchanges.
  [102, cause("failed", "a timer of the network ran out", ["breaks"], "no_answer")],
  [111, cause("failed", "a protocol error between exchanges", ["breaks"])],
  [127, cause("failed", "a network in between does not say why")],
];

/** Every cause, 1 to 127 (ITU-T Q.850). */
export const Q850: ReadonlyMap<number, Q850Meaning> = new Map([
  ...CLASSES.flatMap(([from, to, meaning]) => Array.from({ length: to - from + 1 }, (_, index) => [from + index, meaning] as const)),
  ...NAMED,
]);
