import type { House } from "../../../core/context.ts";
import { keepTrunkHealth, recordTrunkHealth, type TrunkCheck } from "../../../core/trunks/recordTrunkHealth.ts";
import type { Log } from "../../../platform/log.ts";

export type Finding = Omit<TrunkCheck, "at">;

/** Brings what this node finds to `trunk_health`: at once when it changed, else once in a while to show that it is fresh. */
export interface HealthWriter {
  tell(finding: Finding): void;
  /** The only checks that are made from now on; rows of others go. */
  keep(checks: ReadonlyArray<Pick<Finding, "trunkId" | "gateway" | "check">>): void;
  close(): Promise<void>;
}

const FRESH_MS = 25_000;
const RETRY_MS = 1_000;

const keyOf = (one: Pick<Finding, "trunkId" | "gateway" | "check">) => `${one.trunkId} ${one.gateway} ${one.check}`;
/** Times in words differ at each check without being news. */
const gist = ({ state, detail }: Finding) => `${state} ${detail.replace(/\d+ ms/, "")}`;

export function createHealthWriter(options: { house: Pick<House, "db" | "clock">; nodeId: string; log: Log }): HealthWriter {
  const { house, nodeId, log } = options;
  const written = new Map<string, { gist: string; at: number }>();
  const dirty = new Map<string, TrunkCheck>();
  let kept: Parameters<HealthWriter["keep"]>[0] | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let running: Promise<void> | undefined;

  /** A node writes only once it is registered; until then, and while the database is away, the findings wait. */
  const flush = async () => {
    if (kept) {
      const checks = kept;
      kept = undefined;
      try {
        await keepTrunkHealth(house, nodeId, checks);
      } catch (error) {
        kept ??= checks;
        throw error;
      }
    }
    for (const [key, check] of [...dirty]) {
      if (!(await recordTrunkHealth(house, nodeId, check))) continue;
      written.set(key, { gist: gist(check), at: performance.now() });
      if (dirty.get(key) === check) dirty.delete(key);
    }
  };
  const run = () => {
    if (running || closed) return;
    clearTimeout(timer);
    timer = undefined;
    running = flush()
      .catch((error: unknown) => log.debug({ reason: String(error) }, "trunk health cannot be written, will try again"))
      .finally(() => {
        running = undefined;
        if (!closed && (dirty.size > 0 || kept)) timer = setTimeout(run, RETRY_MS);
      });
  };

  return {
    tell(finding) {
      if (closed) return;
      const key = keyOf(finding);
      const last = written.get(key);
      const news = last?.gist !== gist(finding);
      if (!news && !dirty.has(key) && last && performance.now() - last.at < FRESH_MS) return;
      if (news) {
        const line = { trunk: finding.trunkId, gateway: finding.gateway, check: finding.check, detail: finding.detail };
        const told = dirty.get(key);
        if (!told || gist(told) !== gist(finding))
          log[finding.state === "up" ? "info" : "warn"](
            line,
            finding.check === "calls" ? `calls: ${finding.state}` : `gateway ${finding.state}`,
          );
      }
      dirty.set(key, { ...finding, at: house.clock.now() });
      run();
    },
    keep(checks) {
      kept = checks;
      const keys = new Set(checks.map(keyOf));
      for (const key of [...written.keys()]) if (!keys.has(key)) written.delete(key);
      for (const key of [...dirty.keys()]) if (!keys.has(key)) dirty.delete(key);
      run();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
