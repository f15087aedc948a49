import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Carrier } from "../carriers/carrier.ts";
import type { House } from "../core/context.ts";
import { newId } from "../platform/ids.ts";
import type { Log } from "../platform/log.ts";
import type { Listener } from "../platform/postgres/listener.ts";
import { DIAL_CHANNEL } from "./channels.ts";
import type { Conversation } from "./conversation.ts";
import { endCalls } from "./endCalls.ts";
import { LEASE_LOST, SERVER_STOPPED } from "./endings.ts";
import { type LiveCall, startCall } from "./live-call.ts";
import { startLoop } from "./loop.ts";
import { takeCalls } from "./takeCalls.ts";

export interface VoiceNodeOptions {
  house: House;
  carrier: Carrier;
  conversation: Conversation;
  listener: Pick<Listener, "on">;
  log: Log;
  /** Calls at once on this node. */
  maxCalls?: number;
}

const MAX_CALLS = 2_000;
const TAKE_AT_ONCE = 200;
const POLL_MS = 1_000;
const HEARTBEAT_MS = 2_000;
/** Of the time that a process has for stopping. */
const STOP_WITHIN_MS = 1_500;

/**
 * The voice role: registers a node, takes admitted calls and carries each to its end. Its heartbeat keeps its leases; with
 * each one it also compares them with the calls it really carries, and ends what is on one side only.
 */
export async function startVoiceNode(options: VoiceNodeOptions): Promise<{ id: string; close(): Promise<void> }> {
  const { house, listener, log, maxCalls = MAX_CALLS } = options;
  const { db, clock } = house;
  const id = newId();
  const abandon = new AbortController();
  const runner = { ...options, nodeId: id, abandon: abandon.signal };
  const live = new Map<string, LiveCall>();
  let full = false;
  let closing = false;

  const register = () =>
    db.pool.query({
      name: "register-node",
      text: "insert into nodes (id, host, pid) values ($1, $2, $3) on conflict (id) do update set heartbeat_at = now()",
      values: [id, hostname(), process.pid],
    });

  const take = async () => {
    for (;;) {
      const room = Math.min(maxCalls - live.size, TAKE_AT_ONCE);
      full = room <= 0;
      if (full || closing) return;
      const taken = await db.inTransaction((client) => takeCalls(client, { id, limit: room, now: clock.now() }));
      for (const one of taken) {
        const call = startCall(runner, one);
        live.set(one.call.id, call);
        void call.done.then(() => {
          live.delete(one.call.id);
          if (full) taking.wake();
        });
      }
      if (taken.length < room) return;
    }
  };

  let strays = new Set<string>();
  const heartbeat = async () => {
    await register();
    const carried = [...live];
    const { rows: leases } = await db.pool.query<{ workspace_id: string; call_id: string }>({
      name: "leases-of-node",
      text: "select workspace_id, call_id from live_calls where node_id = $1",
      values: [id],
    });
    const leased = new Set(leases.map((lease) => lease.call_id));
    for (const [callId, call] of carried) if (!leased.has(callId)) call.stop(LEASE_LOST);
    // A lease that we do not know of may be on its way to us, or ending; twice in a row it is one whose commit we never heard of.
    const unknown = leases.filter((lease) => !live.has(lease.call_id));
    for (const lease of unknown.filter((one) => strays.has(one.call_id))) {
      await db.together(endCalls, { workspaceId: lease.workspace_id, callId: lease.call_id, nodeId: id, ...LEASE_LOST, at: clock.now() });
    }
    strays = new Set(unknown.map((lease) => lease.call_id));
  };

  await register();
  const beating = startLoop({ name: "heartbeat", intervalMs: HEARTBEAT_MS, work: heartbeat, log });
  const taking = startLoop({ name: "voice", intervalMs: POLL_MS, work: take, log });
  listener.on(DIAL_CHANNEL, () => taking.wake());

  const finish = async () => {
    await taking.stop();
    for (const call of live.values()) call.stop(SERVER_STOPPED);
    await Promise.all([...live.values()].map((call) => call.done));
  };

  return {
    id,
    async close() {
      closing = true;
      await within(STOP_WITHIN_MS, finish());
      abandon.abort();
      await within(STOP_WITHIN_MS / 4, beating.stop());
      // Leases that are left are those of a vanished node, for a dispatcher to free at once.
      await within(STOP_WITHIN_MS / 4, db.pool.query("delete from nodes where id = $1", [id]));
    },
  };
}

/** Waits for `work`, but no longer than `ms` of real time. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([work, sleep(ms, undefined, { signal: done.signal })]);
  } finally {
    done.abort();
  }
}
