import type { AnsweredBy, Media, TransferResult } from "../carriers/carrier.ts";
import type { AgentSettings } from "../core/agents/settings.ts";
import type { Call } from "../core/calls/row.ts";
import type { Clock } from "../platform/clock.ts";

/** What talks on an answered call. The engine knows only this port; it starts one talk per call and ends the call with it. */
export interface Conversation {
  /**
   * Talks until there is nothing more to say, and tells how it came to its end. When `signal` is aborted the call is over for
   * another reason (hung up, time is up, shutdown): the talk returns soon, and what it returns is not asked any more.
   */
  talk(session: ConversationSession): Promise<TalkEnd>;
}

export interface ConversationSession {
  call: Call;
  /** As the call's pinned version of the agent has them. */
  agent: AgentSettings;
  /** IANA, of the workspace. */
  timeZone: string;
  media: Media;
  answeredBy: AnsweredBy;
  clock: Clock;
  signal: AbortSignal;
  /** Hands the other party over to a number (E.164). Accepted: the call ends, and `signal` with it. */
  transfer(to: string): Promise<TransferResult>;
  /** Writes down what was said, as soon as it was: a call that breaks off keeps what it had. */
  said(role: "agent" | "user", text: string, startedAt: Date, endedAt: Date): void;
}

/**
 * `finished`: the agent said goodbye. `silent`: the other party said nothing for the agent's silence timeout. `key`: the other
 * party pressed the key that ends the call.
 */
export type TalkEnd = "finished" | "silent" | "voicemail" | "key";

/** A talk cannot go on; the message says why, for people, and is the error of the call. */
export class ConversationError extends Error {}
