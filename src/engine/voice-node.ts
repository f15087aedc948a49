import { hostname } from "node:os";
import type { Carrier, IncomingCall, Leg, LegHandler } from "../carriers/carrier.ts";
import type { House } from "../core/context.ts";
import { newId } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import { persist } from "../platform/persist.ts";
import { IN_TIME } from "../platform/postgres/in-time.ts";
import type { Listener } from "../platform/postgres/listener.ts";
import { beHeard } from "./beHeard.ts";
import { DIAL_CHANNEL } from "./channels.ts";
import type { Conversation } from "./conversation.ts";
import { endCalls } from "./endCalls.ts";
import { LEASE_LOST, SERVER_STOPPED } from "./endings.ts";
import { type LiveCall, startCall } from "./live-call.ts";
import { startLoop } from "./loop.ts";
import type { Recorder } from "./recorder.ts";
import { type TakenCall, takeCalls } from "./takeCalls.ts";
import { takeIncoming } from "./takeIncoming.ts";
import { within } from "./within.ts";

/** Opens the way to telephones for a node that is registered already. Whoever opens it closes it, after the node. */
export type OpenCarrier = (node: { id: string; incoming(call: IncomingCall): void }) => Carrier | Promise<Carrier>;

export interface VoiceNodeOptions {
  house: House;
  carrier: Carrier | OpenCarrier;
  conversation: Conversation;
  recorder?: Recorder;
  listener: Pick<Listener, "on">;
  log: Log;
  /** Calls at once on this node. */
  maxCalls?: number;
}

export interface VoiceNode {
  id: string;
  /** Takes a call that comes in, or rejects it. */
  incoming(call: IncomingCall): void;
  close(): Promise<void>;
}

const MAX_CALLS = 2_000;
const TAKE_AT_ONCE = 200;
const RING_TIMEOUT_SECONDS = 30;
const POLL_MS = 1_000;
const HEARTBEAT_MS = 2_000;
/** Of the time that a process has for stopping. */
const STOP_WITHIN_MS = 1_500;

/**
 * The voice role: registers a node, takes admitted calls and those that come in, and carries each to its end. Its heartbeat keeps its leases; with
 * each one it also compares them with the calls it really carries, and ends what is on one side only.
 */
export async function startVoiceNode(options: VoiceNodeOptions): Promise<VoiceNode> {
  const { house, listener, log, maxCalls = MAX_CALLS } = options;
  const { db, clock } = house;
  const id = newId();
  const abandon = new AbortController();
  const runner = { ...options, nodeId: id, abandon: abandon.signal };
  const live = new Map<string, LiveCall>();
  /** Those, and calls that have ended and whose recording is not finished yet. */
  const unsettled = new Set<Promise<void>>();
  /** Calls that came in and are looked at. */
  const arriving = new Set<Promise<void>>();
  let full = false;
  let closing = false;

  const registration = {
    name: "register-node",
    text: "insert into nodes (id, host, pid) values ($1, $2, $3) on conflict (id) do update set heartbeat_at = now()",
    values: [id, hostname(), process.pid],
  };

  const unregister = () => db.pool.query("delete from nodes where id = $1", [id]);

  const take = async () => {
    for (;;) {
      const room = Math.min(maxCalls - live.size - arriving.size, TAKE_AT_ONCE);
      full = room <= 0;
      if (full || closing) return;
      const taken = await db.inTransaction((client) => takeCalls(client, { id, limit: room, now: clock.now() }));
      for (const one of taken) {
        const { id: callId, trunk_id: trunkId, from_number: from, to_number: to } = one.call;
        carry(one, (handler) => carrier.dial({ callId, trunkId, from, to, ringTimeoutSeconds: RING_TIMEOUT_SECONDS }, handler));
      }
      if (taken.length < room) return;
    }
  };

  const carry = (taken: TakenCall, connect: (handler: LegHandler) => Leg) => {
    const call = startCall(runner, taken, connect);
    if (closing) call.stop(SERVER_STOPPED);
    live.set(taken.call.id, call);
    unsettled.add(call.settled);
    void call.settled.then(() => unsettled.delete(call.settled));
    void call.done.then(() => {
      live.delete(taken.call.id);
      if (full) taking.wake();
    });
  };

  const receive = async (call: IncomingCall) => {
    const { trunkId, from, fromName, to } = call;
    const taken = await db.together(takeIncoming, { nodeId: id, trunkId, from, fromName, to, now: clock.now() });
    if ("call" in taken) return carry(taken, (handler) => call.accept(handler, taken.call.id));
    log.info({ trunk: trunkId, from, to, reason: taken.rejected }, "a call that came in was rejected");
    call.reject(taken.rejected);
  };

  const incoming = (call: IncomingCall) => {
    const { trunkId, from, to } = call;
    if (closing || live.size + arriving.size >= maxCalls) {
      log.warn({ trunk: trunkId, from, to, closing }, "a call that came in was rejected: this voice node can take no more");
      return call.reject("unavailable");
    }
    const arrival: Promise<void> = receive(call)
      .catch((error: unknown) => {
        log.error({ err: error, trunk: trunkId, from, to }, "a call that came in could not be taken");
        call.reject("unavailable");
      })
      .finally(() => {
        arriving.delete(arrival);
        if (full) taking.wake();
      });
    arriving.add(arrival);
  };

  let strays = new Set<string>();
  const heartbeat = async () => {
    await persist(() => db.pool.query({ ...registration, ...IN_TIME }), abandon.signal);
    await beHeard(db.pool);
    const carried = [...live];
    const { rows: leases } = await db.pool.query<{ workspace_id: string; call_id: string }>({
      name: "leases-of-node",
      text: "select workspace_id, call_id from live_calls where node_id = $1",
      values: [id],
      ...IN_TIME,
    });
    const leased = new Set(leases.map((lease) => lease.call_id));
    for (const [callId, call] of carried) if (!leased.has(callId)) call.stop(LEASE_LOST);
    // A lease that we do not know of may be on its way to us, or ending; twice in a row it is one whose commit we never heard of.
    const unknown = leases.filter((lease) => !live.has(lease.call_id));
    for (const lease of unknown.filter((one) => strays.has(one.call_id))) {
      const end = { workspaceId: lease.workspace_id, callId: lease.call_id, nodeId: id, ...LEASE_LOST, at: clock.now() };
      // Not waited for: the next sign of life is due. What fails is found again.
      db.together(endCalls, end).catch((error: unknown) =>
        log.warn({ err: error, call: end.callId }, "a lost call's end could not be written"),
      );
    }
    strays = new Set(unknown.map((lease) => lease.call_id));
  };

  await db.pool.query(registration);
  const beating = startLoop({ name: "heartbeat", intervalMs: HEARTBEAT_MS, work: heartbeat, log });
  let carrier: Carrier;
  try {
    carrier = typeof options.carrier === "function" ? await options.carrier({ id, incoming }) : options.carrier;
  } catch (error) {
    await beating.stop();
    await unregister();
    throw error;
  }
  const taking = startLoop({ name: "voice", intervalMs: POLL_MS, work: take, log });
  listener.on(DIAL_CHANNEL, () => taking.wake());

  const finish = async () => {
    // First of all: who is called hears of it, whatever the database does.
    for (const call of live.values()) call.stop(SERVER_STOPPED);
    await Promise.all([taking.stop(), ...arriving]);
    await Promise.all(unsettled);
  };

  return {
    id,
    incoming,
    async close() {
      closing = true;
      await within(STOP_WITHIN_MS, finish());
      abandon.abort();
      await within(STOP_WITHIN_MS / 4, beating.stop());
      // Leases that are left are those of a vanished node, for a dispatcher to free at once.
      await within(
        STOP_WITHIN_MS / 4,
        unregister().catch((error: unknown) => log.warn({ err: error }, "the voice node could not be struck off")),
      );
    },
  };
}
