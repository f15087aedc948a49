import { setTimeout as sleep } from "node:timers/promises";
import type { AnsweredBy, Carrier, Leg, LegEnd, Media, TransferResult } from "../carriers/carrier.ts";
import type { TranscriptTurn } from "../core/calls/call.ts";
import type { House } from "../core/context.ts";
import type { Log } from "../platform/log.ts";
import { isUnavailable } from "../platform/unavailable.ts";
import { answerCalls } from "./answerCalls.ts";
import type { Conversation } from "./conversation.ts";
import { endCalls } from "./endCalls.ts";
import { CONVERSATION_FAILED, type Ending, endingOfLeg, endingOfTalk, LEASE_LOST, MAX_DURATION } from "./endings.ts";
import type { TakenCall } from "./takeCalls.ts";

export interface CallRunner {
  house: House;
  carrier: Carrier;
  conversation: Conversation;
  nodeId: string;
  log: Log;
  /** Aborted when the node gives up writing what it still has. */
  abandon: AbortSignal;
}

export interface LiveCall {
  /** Ends the call for this reason, unless it is ending already. */
  stop(ending: Ending): void;
  /** Resolves when the leg is over and the end is written, or the lease is somebody else's. Never rejects. */
  done: Promise<void>;
}

const RING_TIMEOUT_SECONDS = 30;
const RETRY_MS = 500;

/**
 * Carries one call from ringing to its end:
 *
 *     dial ──► answered ──► talk ──► hang up ──► end written, lease given back
 *       └───────────┴─────────┴── ended by the other side, the time limit, a stop: whatever comes first counts
 */
export function startCall(runner: CallRunner, taken: TakenCall): LiveCall {
  const { house, carrier, log } = runner;
  const { call, agent } = taken;
  const over = new AbortController();
  const ending = Promise.withResolvers<Ending>();
  const legOver = Promise.withResolvers<LegEnd>();
  const transcript: TranscriptTurn[] = [];
  let answering: Promise<unknown> = Promise.resolve();
  let leg: Leg;

  const stop = (reason: Ending) => {
    ending.resolve(reason);
    over.abort();
  };

  const answered = (media: Media, answeredBy: AnsweredBy) => {
    if (over.signal.aborted) return;
    const at = house.clock.now();
    const answer = { workspaceId: call.workspace_id, callId: call.id, nodeId: runner.nodeId, answeredBy, at };
    answering = persist(runner, () => house.db.together(answerCalls, answer)).then((ours) => {
      if (!ours) stop(LEASE_LOST);
    });
    answering.catch(() => undefined);
    if (agent.max_call_duration_secs > 0) limitDuration(agent.max_call_duration_secs);
    const said = (role: TranscriptTurn["role"], text: string, startedAt: Date, endedAt: Date) => {
      transcript.push({ role, text, start: secondsBetween(at, startedAt), end: secondsBetween(at, endedAt) });
    };
    const transfer = (to: string): Promise<TransferResult> => leg.transfer(to);
    runner.conversation
      .talk({ ...taken, media, answeredBy, clock: house.clock, signal: over.signal, said, transfer })
      .then((end) => stop(endingOfTalk(end)))
      .catch((error: unknown) => {
        if (!over.signal.aborted) log.error({ err: error, call: call.id }, "conversation failed");
        stop(CONVERSATION_FAILED);
      });
  };

  const limitDuration = (seconds: number) => {
    house.clock
      .sleep(seconds * 1000, over.signal)
      .then(() => stop(MAX_DURATION))
      .catch(() => undefined);
  };

  const run = async () => {
    leg = carrier.dial(
      { callId: call.id, trunkId: call.trunk_id, from: call.from_number, to: call.to_number, ringTimeoutSeconds: RING_TIMEOUT_SECONDS },
      {
        ringing: () => undefined,
        answered,
        ended: (end) => {
          stop(endingOfLeg(end));
          legOver.resolve(end);
        },
      },
    );
    const reason = await ending.promise;
    const at = house.clock.now();
    leg.hangup();
    await legOver.promise;
    await answering;
    const end = { workspaceId: call.workspace_id, callId: call.id, nodeId: runner.nodeId, ...reason, transcript, at };
    await persist(runner, () => house.db.together(endCalls, end));
  };

  return {
    stop,
    done: run().catch((error: unknown) => log.error({ err: error, call: call.id }, "a call's end could not be written")),
  };
}

const secondsBetween = (from: Date, to: Date): number => Math.max(0, Math.round((to.getTime() - from.getTime()) / 10) / 100);

/** Writes until the database takes it: while it is away, a call's answer and end are kept here. */
async function persist(runner: CallRunner, write: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!isUnavailable(error) || runner.abandon.aborted) throw error;
      await sleep(RETRY_MS, undefined, { signal: runner.abandon });
    }
  }
}
