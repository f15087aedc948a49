import type { Task } from "../../platform/jobs/jobs.ts";
import type { House } from "../context.ts";

/** The task that removes, over all workspaces, what has had its time: remembered answers to idempotent requests. */
export function createCleanUp({ db, clock }: Pick<House, "db" | "clock">): Task<"clean_up"> {
  return async () => {
    await db.kysely.deleteFrom("idempotency_keys").where("expires_at", "<=", clock.now()).execute();
  };
}
