import type { House } from "../core/context.ts";
import type { Log } from "../platform/log.ts";
import type { Listener } from "../platform/postgres/listener.ts";
import { admitQueued } from "./admitQueued.ts";
import { beHeard } from "./beHeard.ts";
import { QUEUE_CHANNEL } from "./channels.ts";
import { expireQueued } from "./expireQueued.ts";
import { lanesToServe } from "./lanesToServe.ts";
import { startLoop } from "./loop.ts";
import { reapLostCalls, strikeDeadNodes } from "./reaper.ts";

const POLL_MS = 1_000;
/** Workspaces whose capacity one transaction holds. */
const AT_ONCE = 50;

/**
 * The dispatcher's role: admits queued calls the moment a lease or a channel comes free, expires those that wait too long, and frees what
 * dead voice nodes hold. Every write is conditional, so any number of dispatchers may run at once.
 */
export function startDispatcher(options: { house: House; listener: Pick<Listener, "on">; log: Log }): { close(): Promise<void> } {
  const { house, listener, log } = options;
  const { db, clock } = house;

  const drain = async () => {
    for (let moved = true; moved; ) {
      moved = false;
      const workspaces = await lanesToServe(db.pool);
      while (workspaces.length > 0) {
        const some = workspaces.splice(0, AT_ONCE);
        if ((await db.inTransaction((client) => admitQueued(client, some.flat(), clock.now()))) > 0) moved = true;
      }
    }
  };

  const sweep = async () => {
    const hearing = await beHeard(db.pool);
    while ((await db.inTransaction((client) => reapLostCalls(client, hearing, clock.now()))) > 0);
    await strikeDeadNodes(db.pool, hearing);
  };

  // A loop of its own: however many expire, the nodes are looked after.
  const expire = async () => {
    while ((await db.inTransaction((client) => expireQueued(client, clock.now()))) > 0);
  };

  const draining = startLoop({ name: "dispatcher", intervalMs: POLL_MS, work: drain, log });
  const sweeping = startLoop({ name: "sweeper", intervalMs: POLL_MS, work: sweep, log });
  const expiring = startLoop({ name: "expiry", intervalMs: POLL_MS, work: expire, log });
  listener.on(QUEUE_CHANNEL, () => draining.wake());
  return {
    async close() {
      await Promise.all([draining.stop(), sweeping.stop(), expiring.stop()]);
    },
  };
}
