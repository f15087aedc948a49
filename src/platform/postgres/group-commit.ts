import { isUnavailable } from "../unavailable.ts";
import type { Client } from "./database.ts";

/**
 * Writes many items in one transaction and gives each its own outcome, in the order of the items. An `Error` in the list
 * is that item's own refusal (the others commit); a throw rolls the whole transaction back.
 */
export type GroupRun<Item, Result> = (client: Client, items: readonly Item[]) => Promise<ReadonlyArray<Result | Error>>;

const MAX_ITEMS = 512;
const IN_FLIGHT = 2;

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Group commit: items that arrive while earlier transactions run wait and share the next one, so that the cost of a commit
 * is divided by the load. A lone item starts at once. When a shared transaction fails, its items are run one by one, so
 * that one bad item cannot fail its neighbours; but not when the database went away, as then nobody knows what was kept.
 */
export function createGroupCommit<Item, Result>(
  inTransaction: <R>(work: (client: Client) => Promise<R>) => Promise<R>,
  run: GroupRun<Item, Result>,
): (item: Item) => Promise<Result> {
  const queue: Waiting<Item, Result>[] = [];
  let flying = 0;
  let scheduled = false;

  const schedule = () => {
    if (scheduled || flying >= IN_FLIGHT || queue.length === 0) return;
    scheduled = true;
    // Requests read from the sockets in this turn of the event loop join before the transaction starts.
    setImmediate(() => {
      scheduled = false;
      void fly(queue.splice(0, MAX_ITEMS));
      schedule();
    });
  };

  const fly = async (group: Waiting<Item, Result>[]) => {
    flying++;
    try {
      await settle(group);
    } finally {
      flying--;
      schedule();
    }
  };

  const settle = async (group: Waiting<Item, Result>[]): Promise<void> => {
    try {
      const items = group.map((waiting) => waiting.item);
      const results = await inTransaction((client) => run(client, items));
      group.forEach((waiting, index) => {
        const result = results[index];
        if (result instanceof Error) waiting.reject(result);
        else waiting.resolve(result as Result);
      });
    } catch (error) {
      if (group.length === 1 || isUnavailable(error)) for (const waiting of group) waiting.reject(error);
      else for (const waiting of group) await settle([waiting]);
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      schedule();
    });
}
