import { FIND_DNC_ENTRIES } from "../core/do-not-call/findDncEntries.ts";
import type { Statement } from "../platform/postgres/parseStatement.ts";
import { LOOK_UP_FOR_CALLS } from "./admission.ts";
import { COUNT_QUEUED, LOCK_CAPACITY } from "./capacity.ts";
import { RING_CALLS, TAKE_LEASES } from "./takeCalls.ts";
import { LOCK_TRUNKS } from "./trunk-capacity.ts";
import { WRITE_PLACED_CALLS } from "./writePlacedCalls.ts";

/** What stands between a request and a ringing phone, by who asks it: connections know it before the first call comes. */
export const FIRST_STATEMENTS: Readonly<Record<"api" | "voice", readonly Statement[]>> = {
  api: [LOOK_UP_FOR_CALLS, FIND_DNC_ENTRIES, LOCK_CAPACITY, COUNT_QUEUED, LOCK_TRUNKS, WRITE_PLACED_CALLS],
  voice: [TAKE_LEASES, FIND_DNC_ENTRIES, RING_CALLS],
};
