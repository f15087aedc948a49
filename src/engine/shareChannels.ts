import type { Capacity } from "./capacity.ts";
import { isFull, type Trunks } from "./trunk-capacity.ts";

interface Waiting {
  workspace_id: string;
  trunk_id: string | null;
}

/**
 * Which of the waiting calls, oldest first, can be made with the leases and channels that are free, in the order in which they
 * get them; `take` is told of each and counts it.
 *
 * In rounds: every workspace that has a lease offers its oldest call whose trunk is not full. The channels of a trunk go to the
 * workspaces after the one that was served last, in the order of their ids and round again, one to each; so none can starve
 * another, and a full trunk holds up nobody's other calls.
 */
export function shareChannels<Call extends Waiting>(
  calls: readonly Call[],
  capacities: ReadonlyMap<string, Capacity>,
  trunks: Trunks,
  take: (call: Call) => void,
): void {
  const lines = Map.groupBy(calls, (call) => call.workspace_id);
  const trunkOf = (call: Waiting) => (call.trunk_id === null ? undefined : trunks.get(call.trunk_id));
  const accept = (call: Call) => {
    const line = lines.get(call.workspace_id);
    line?.splice(line.indexOf(call), 1);
    take(call);
  };
  for (;;) {
    const offers = [...lines].flatMap(([workspaceId, line]) => {
      const capacity = capacities.get(workspaceId);
      const free = capacity !== undefined && capacity.inUse < capacity.limit;
      return free ? (line.find((call) => !isFull(trunkOf(call))) ?? []) : [];
    });
    if (offers.length === 0) return;
    for (const [trunkId, rivals] of Map.groupBy(offers, (call) => call.trunk_id)) {
      const trunk = trunkId === null ? undefined : trunks.get(trunkId);
      const last = trunk?.servedWorkspaceId ?? "";
      const [before, after] = [rivals.filter((call) => call.workspace_id <= last), rivals.filter((call) => call.workspace_id > last)];
      const inTurn = [...after.sort(byWorkspace), ...before.sort(byWorkspace)];
      for (const call of trunk ? inTurn.slice(0, trunk.limit - trunk.inUse) : inTurn) accept(call);
    }
  }
}

const byWorkspace = (a: Waiting, b: Waiting): number => (a.workspace_id < b.workspace_id ? -1 : 1);
