import { type InputIssue, InvalidInput, NotFound } from "../core/errors.ts";
import { recordCallEvents } from "../core/events/recordCallEvents.ts";
import type { Client } from "../platform/postgres/database.ts";
import type { GroupRun } from "../platform/postgres/group-commit.ts";
import { DIAL_CHANNEL, QUEUE_CHANNEL } from "./channels.ts";
import { decideCalls } from "./decideCalls.ts";
import { type Claim, claimKeys, inProgress, keyReused } from "./idempotency.ts";
import { type CallRequest, type PlacedCall, revivePlacedCall, toPlacedCall, type Verdict } from "./placed-call.ts";
import { takeChannels } from "./trunk-capacity.ts";
import { type KnownRequest, PLACE_CALL, type Placement, writePlacedCalls } from "./writePlacedCalls.ts";

export interface Placed {
  call: PlacedCall;
  replayed: boolean;
}

type Outcomes = Map<CallRequest, Placed | Error>;

/**
 * Admission of many calls in one transaction: idempotency claim, agent and caller ID, Do-Not-Call, capacity lease, decision
 * record. A call is admitted when a lease and a channel of its trunk are free and nobody waits who could go now; otherwise it
 * queues behind those who do.
 */
export const placeCalls: GroupRun<CallRequest, Placed> = async (client, requests) => {
  const outcomes: Outcomes = new Map();
  const open = await answerRepeats(client, requests, outcomes);
  // Of several with one key in this transaction, the first is placed and answers for the others.
  const keyed = open.filter((request) => request.idempotency);
  const firsts = new Map(keyed.map((request) => [keyName(request), request] as const).reverse());
  const distinct = open.filter((request) => !request.idempotency || firsts.get(keyName(request)) === request);
  const known = await refuseUnknown(client, distinct, outcomes);
  for (const { request, call } of await place(client, known)) outcomes.set(request, { call, replayed: false });
  return requests.map((request) => outcomes.get(request) ?? answerOfFirst(request, firsts.get(keyName(request)), outcomes));
};

const keyName = ({ workspaceId, idempotency }: CallRequest) => `${workspaceId} ${idempotency?.key}`;

/** Answers those whose key was used before; the others are returned. */
async function answerRepeats(client: Client, requests: readonly CallRequest[], outcomes: Outcomes): Promise<CallRequest[]> {
  const keyed = requests.filter((request) => request.idempotency);
  const states = await claimKeys(client, keyed.flatMap(toClaim), latest(requests));
  keyed.forEach((request, index) => {
    const state = states[index];
    if (state?.kind === "refused") outcomes.set(request, state.error);
    else if (state?.kind === "done") outcomes.set(request, { call: revivePlacedCall(state.result), replayed: true });
  });
  return requests.filter((request) => !outcomes.has(request));
}

function toClaim({ workspaceId, idempotency }: CallRequest): Claim[] {
  return idempotency ? [{ workspaceId, operation: PLACE_CALL, ...idempotency }] : [];
}

const latest = (requests: readonly CallRequest[]): Date => new Date(Math.max(...requests.map(({ now }) => now.getTime())));

function answerOfFirst(request: CallRequest, first: CallRequest | undefined, outcomes: Outcomes): Placed | Error {
  const outcome = first && outcomes.get(first);
  const same = first?.idempotency && request.idempotency?.requestHash.equals(first.idempotency.requestHash);
  if (outcome === undefined || (outcome instanceof Error && !same)) return inProgress();
  if (outcome instanceof Error) return outcome;
  return same ? { ...outcome, replayed: true } : keyReused();
}

/** Refuses those whose agent or caller ID is not there to be used; the others are returned with what was found. */
async function refuseUnknown(client: Client, requests: readonly CallRequest[], outcomes: Outcomes): Promise<KnownRequest[]> {
  if (requests.length === 0) return [];
  const { rows } = await client.query<{
    version: number | null;
    is_active: boolean;
    from_is_active: boolean;
    trunk_id: string | null;
    lead_id: string | null;
  }>({
    name: "look-up-for-calls",
    text: `select a.version, a.is_active, coalesce(p.is_active, false) as from_is_active, p.trunk_id, k.lead_id
      from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) with ordinality as r(workspace_id, agent_id, from_number, to_number, place)
      left join agents a on a.workspace_id = r.workspace_id and a.id = r.agent_id
      left join phone_numbers p on p.workspace_id = r.workspace_id and p.phone = r.from_number
      left join lead_keys k on k.workspace_id = r.workspace_id and k.kind = 'phone' and k.value = r.to_number
      order by r.place`,
    values: [
      requests.map((request) => request.workspaceId),
      requests.map((request) => request.agentId),
      requests.map((request) => request.from),
      requests.map((request) => request.to),
    ],
  });
  return requests.flatMap((request, index): KnownRequest[] => {
    const row = rows[index];
    if (!row || row.version === null) {
      outcomes.set(request, new NotFound("agent", request.agentId));
      return [];
    }
    const issues: InputIssue[] = [];
    if (!row.is_active) issues.push({ path: ["agentId"], code: "inactive_agent", message: "The agent is not active." });
    if (!row.from_is_active) {
      issues.push({ path: ["from"], code: "invalid_from_number", message: "from is not an active phone number of the workspace." });
    }
    if (issues.length > 0) outcomes.set(request, new InvalidInput(issues));
    return issues.length > 0 ? [] : [{ request, agentVersion: row.version, leadId: row.lead_id, trunkId: row.trunk_id }];
  });
}

async function place(client: Client, known: readonly KnownRequest[]): Promise<Placement[]> {
  if (known.length === 0) return [];
  const { verdicts, trunks } = await decideCalls(client, known, latest(known.map(({ request }) => request)));
  const placements = known.map((item, index): Placement => {
    const verdict = verdicts[index] as Verdict;
    const holdsChannel = verdict.verdict === "admitted" && item.trunkId !== null && trunks.has(item.trunkId);
    return { ...item, verdict, holdsChannel, call: toPlacedCall(item.request, verdict) };
  });
  const blocked = await writePlacedCalls(client, placements);
  await takeChannels(
    client,
    placements.flatMap(({ request: { workspaceId }, trunkId, holdsChannel }) => (holdsChannel && trunkId ? { trunkId, workspaceId } : [])),
  );
  await recordCallEvents(
    client,
    blocked.map((call) => ({ type: "call.dnc_blocked", call, at: call.created_at })),
  );
  if (verdicts.some(({ verdict }) => verdict === "admitted")) await client.query(`select pg_notify('${DIAL_CHANNEL}', '')`);
  // Whom such a call gave way to was not locked, and may be gone.
  if (placements.some(({ verdict, trunkId }) => trunkId !== null && verdict.reason === "others_wait")) {
    await client.query(`select pg_notify('${QUEUE_CHANNEL}', '')`);
  }
  return placements;
}
