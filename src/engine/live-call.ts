import type { AnsweredBy, Leg, LegEnd, LegHandler, Media, TransferResult } from "../carriers/carrier.ts";
import type { TranscriptTurn } from "../core/calls/call.ts";
import type { House } from "../core/context.ts";
import type { Log } from "../platform/log.ts";
import { persist } from "../platform/persist.ts";
import { answerCalls } from "./answerCalls.ts";
import type { Conversation } from "./conversation.ts";
import { type CallEnd, endCalls } from "./endCalls.ts";
import { type Ending, endingOfFailedTalk, endingOfLeg, endingOfTalk, LEASE_LOST, MAX_DURATION, SERVER_STOPPED } from "./endings.ts";
import type { Recorder, Recording } from "./recorder.ts";
import type { TakenCall } from "./takeCalls.ts";
import { within } from "./within.ts";

export interface CallRunner {
  house: House;
  conversation: Conversation;
  recorder?: Recorder;
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
  /** Resolves when its recording is finished, too. Never rejects. */
  settled: Promise<void>;
}

/** Of real time: who is told that the call has ended finds the recording, unless the disk is this slow. */
const RECORDING_MS = 3_000;
const LAST_RECORDING_MS = 500;
/** For the carrier to take leave of a leg that it has handed over. */
const TRANSFER_MS = 5_000;

/**
 * Carries one call from ringing to its end:
 *
 *     dial or accept ──► answered ──► talk ──► hang up ──► recording finished ──► end written, lease given back
 *       └───────────────────┴─────────┴── ended by the other side, the time limit, a stop: whatever comes first counts
 *
 * `connect` dials, or accepts a call that comes in.
 */
export function startCall(runner: CallRunner, taken: TakenCall, connect: (handler: LegHandler) => Leg): LiveCall {
  const { house, log } = runner;
  const { call, agent } = taken;
  const over = new AbortController();
  const ending = Promise.withResolvers<Ending>();
  const legOver = Promise.withResolvers<LegEnd>();
  const transcript: TranscriptTurn[] = [];
  let answering: Promise<unknown> = Promise.resolve();
  let leg: Leg | undefined;
  let rangAt: Date | undefined;
  let recording: Recording | undefined;
  let recorded: Promise<void> | undefined;
  let handingTo: string | undefined;
  let transferred: CallEnd["transferred"];

  const stop = (reason: Ending) => {
    ending.resolve(reason);
    over.abort();
  };

  const answered = (media: Media, answeredBy: AnsweredBy) => {
    if (over.signal.aborted) return;
    const at = house.clock.now();
    const answer = { workspaceId: call.workspace_id, callId: call.id, nodeId: runner.nodeId, answeredBy, rangAt, at };
    answering = persist(() => house.db.together(answerCalls, answer), runner.abandon).then((ours) => {
      if (!ours) stop(LEASE_LOST);
    });
    answering.catch(() => undefined);
    if (agent.max_call_duration_secs > 0) limitDuration(agent.max_call_duration_secs);
    if (media.kind === "audio" && agent.recording_enabled) recording = runner.recorder?.record(call, media, at, runner.abandon);
    const said = (role: TranscriptTurn["role"], text: string, startedAt: Date, endedAt: Date) => {
      transcript.push({ role, text, start: secondsBetween(at, startedAt), end: secondsBetween(at, endedAt) });
    };
    runner.conversation
      .talk({ ...taken, media, answeredBy, clock: house.clock, signal: over.signal, said, transfer })
      .then((end) => stop(endingOfTalk(end)))
      .catch((error: unknown) => {
        if (!over.signal.aborted) log.error({ err: error, call: call.id }, "conversation failed");
        stop(endingOfFailedTalk(error));
      });
  };

  const transfer = async (to: string): Promise<TransferResult> => {
    if (!leg) return { accepted: false, detail: "There is no line." };
    handingTo = to;
    const result = await leg.transfer(to);
    if (result.accepted) handedOver(to);
    return result;
  };

  /** Told by the answer to the transfer or by the leg's end, whichever comes first. */
  const handedOver = (to: string) => {
    transferred ??= { to, at: house.clock.now() };
    stop(endingOfLeg({ cause: "transferred" }, call.direction));
  };

  const limitDuration = (seconds: number) => {
    house.clock
      .sleep(seconds * 1000, over.signal)
      .then(() => stop(MAX_DURATION))
      .catch(() => undefined);
  };

  const handler: LegHandler = {
    ringing: () => {
      rangAt ??= house.clock.now();
    },
    answered,
    ended: (end) => {
      if (end.cause === "transferred" && handingTo !== undefined) handedOver(handingTo);
      stop(endingOfLeg(end, call.direction));
      legOver.resolve(end);
    },
  };

  const run = async () => {
    try {
      leg = connect(handler);
    } catch (error) {
      log.error({ err: error, call: call.id }, "the carrier broke down");
      handler.ended({ cause: "failed" });
    }
    const reason = await ending.promise;
    const at = house.clock.now();
    // A leg that is handed over ends by itself; hung up too early, it would take the transfer with it.
    if (transferred) await within(TRANSFER_MS, legOver.promise);
    leg?.hangup();
    const { sip, quality } = await legOver.promise;
    // Begun whatever becomes of the call's row.
    recorded = recording?.finish();
    await answering;
    if (recorded && !(await within(reason === SERVER_STOPPED ? LAST_RECORDING_MS : RECORDING_MS, recorded))) {
      log.warn({ call: call.id }, "the end of a call is told before its recording is finished");
    }
    const { workspace_id: workspaceId, id: callId } = call;
    const end = {
      workspaceId,
      callId,
      nodeId: runner.nodeId,
      ...reason,
      transcript: inOrder(transcript),
      rangAt,
      sip,
      quality,
      transferred,
      at,
    };
    // Again: nothing, as the lease is gone by then.
    await persist(() => house.db.together(endCalls, end), runner.abandon);
  };

  const done = run().catch((error: unknown) => log.error({ err: error, call: call.id }, "a call's end could not be written"));
  return { stop, done, settled: done.then(() => recorded) };
}

/** A line is written down once it was said, a key at once. */
const inOrder = (turns: readonly TranscriptTurn[]): TranscriptTurn[] => turns.toSorted((one, other) => one.start - other.start);

const secondsBetween = (from: Date, to: Date): number => Math.max(0, Math.round((to.getTime() - from.getTime()) / 10) / 100);
