import { dncEnd } from "../core/calls/blockQueuedCalls.ts";
import type { DncEntry } from "../core/do-not-call/dnc-entry.ts";
import { findDncEntries } from "../core/do-not-call/findDncEntries.ts";
import type { Client } from "../platform/postgres/database.ts";
import { type Capacity, countQueued, lockCapacity, type Queue } from "./capacity.ts";
import type { Verdict } from "./placed-call.ts";
import { isFull, lockTrunks, type Trunks, waitersFor } from "./trunk-capacity.ts";
import type { KnownRequest } from "./writePlacedCalls.ts";

interface Decisions {
  verdicts: Verdict[];
  /** Those with a limit. */
  trunks: Trunks;
}

/** How things stand; counts with each call that is decided. */
interface Standing {
  capacities: ReadonlyMap<string, Capacity>;
  queues: Map<string, Queue>;
  trunks: Trunks;
  /** Workspaces whose calls could go on a trunk now, two for each trunk at most. */
  waiters: ReadonlyMap<string, ReadonlySet<string>>;
}

/** One verdict per call, in their order. Workspaces and trunks of those that are not blocked keep their capacity locked from here on. */
export async function decideCalls(client: Client, calls: readonly KnownRequest[], now: Date): Promise<Decisions> {
  const checks = calls.map(({ request: { workspaceId, to, agentId } }) => ({ workspaceId, phone: to, agentId }));
  const entries = await findDncEntries(client, checks, now);
  const standing = await lockStanding(
    client,
    calls.filter((_call, index) => !entries[index]),
  );
  const verdicts = calls.map((call, index) => {
    const entry = entries[index];
    return entry ? blocked(entry) : admitOrQueue(call, standing);
  });
  return { verdicts, trunks: standing.trunks };
}

async function lockStanding(client: Client, calls: readonly KnownRequest[]): Promise<Standing> {
  if (calls.length === 0) return { capacities: new Map(), queues: new Map(), trunks: new Map(), waiters: new Map() };
  const workspaces = calls.map(({ request }) => request.workspaceId);
  const capacities = await lockCapacity(client, workspaces);
  const queues = await countQueued(client, workspaces);
  const lanes = [...calls.map(({ trunkId }) => trunkId), ...[...queues.values()].flatMap((queue) => [...queue.keys()])];
  const trunks = await lockTrunks(
    client,
    lanes.filter((trunkId) => trunkId !== null),
  );
  const open = [...trunks].filter(([, trunk]) => !isFull(trunk)).map(([trunkId]) => trunkId);
  return { capacities, queues, trunks, waiters: await waitersFor(client, open) };
}

function blocked(entry: DncEntry): Verdict {
  const { reason, detail } = dncEnd(entry);
  return { verdict: "blocked", reason, detail, entry };
}

function admitOrQueue({ request: { workspaceId }, trunkId }: KnownRequest, { capacities, queues, trunks, waiters }: Standing): Verdict {
  const capacity = capacities.get(workspaceId);
  if (!capacity) throw new Error(`workspace ${workspaceId} has no capacity row`);
  const trunk = trunkId === null ? undefined : trunks.get(trunkId);
  const queue: Queue = queues.get(workspaceId) ?? new Map();
  queues.set(workspaceId, queue);
  const waiting = [...queue.values()].reduce((sum, calls) => sum + calls, 0);
  const detail = {
    limit: capacity.limit,
    in_use: capacity.inUse,
    waiting,
    ...(trunk ? { trunk_limit: trunk.limit } : {}),
  };
  const queued = (reason: "capacity_full" | "trunk_full" | "others_wait"): Verdict => {
    queue.set(trunkId, (queue.get(trunkId) ?? 0) + 1);
    return { verdict: "queued", reason, detail, position: waiting + 1 };
  };
  if (capacity.inUse >= capacity.limit) return queued("capacity_full");
  if (isFull(trunk)) return queued("trunk_full");
  // Calls that wait for another trunk, which is full, do not stand in the way.
  const first = [...queue.keys()].some((lane) => lane === trunkId || lane === null || !isFull(trunks.get(lane)));
  const others = trunkId !== null && [...(waiters.get(trunkId) ?? [])].some((other) => other !== workspaceId);
  if (first || others) return queued("others_wait");
  capacity.inUse++;
  if (trunk) trunk.inUse++;
  return { verdict: "admitted", reason: "capacity_free", detail };
}
