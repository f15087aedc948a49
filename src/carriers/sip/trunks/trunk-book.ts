import type { House } from "../../../core/context.ts";
import { TRUNKS_CHANNEL } from "../../../core/trunks/channel.ts";
import { loadTrunks, type OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Log } from "../../../platform/log.ts";
import type { Listener } from "../../../platform/postgres/listener.ts";

/** Every trunk, in memory. A call keeps the trunk that it began with, whatever becomes of it. */
export interface TrunkBook {
  get(id: string): OpenTrunk | undefined;
  all(): readonly OpenTrunk[];
  /** Reads the trunks again now: one that was added a moment ago may not have been told yet. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface TrunkBookOptions {
  house: Pick<House, "db" | "secrets">;
  listener: Pick<Listener, "on">;
  log: Log;
  pollMs: number;
  /** After each reading that found something else. */
  changed(): void;
}

/** Reads the trunks once, then at every notification, and every `pollMs` in case one was lost. Throws when the first reading fails. */
export async function openTrunkBook(options: TrunkBookOptions): Promise<TrunkBook> {
  const { house, listener, log, pollMs } = options;
  let trunks = new Map<string, OpenTrunk>();
  let closed = false;
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;

  const read = async () => {
    const found = await loadTrunks(house);
    const same = found.length === trunks.size && found.every((one) => trunks.get(one.id)?.version === one.version);
    trunks = new Map(found.map((one) => [one.id, one]));
    if (!same && !closed) options.changed();
  };
  // A reading that began before the question may miss what it asks for, so a second one follows; whoever asks meanwhile shares that.
  const refresh = (): Promise<void> => {
    if (!running) {
      running = read().finally(() => {
        running = undefined;
      });
      return running;
    }
    waiting ??= running
      .catch(() => undefined)
      .then(() => {
        waiting = undefined;
        return refresh();
      });
    return waiting;
  };
  const refreshQuietly = () => {
    if (closed) return;
    refresh().catch((error: unknown) => log.warn({ reason: String(error) }, "trunks cannot be read, will try again"));
  };

  await refresh();
  listener.on(TRUNKS_CHANNEL, refreshQuietly);
  const polling = setInterval(refreshQuietly, pollMs);
  return {
    get: (id) => trunks.get(id),
    all: () => [...trunks.values()],
    refresh,
    async close() {
      closed = true;
      clearInterval(polling);
      await Promise.allSettled([running, waiting]);
    },
  };
}
