import { getTrunk } from "../../../src/core/trunks/getTrunk.ts";
import type { TrunkHealth } from "../../../src/core/trunks/trunk-view.ts";
import { until } from "../../support/until.ts";
import type { Line, Subscriber } from "./line.ts";

/** Waits until the trunk shows this of a check; from then on its calls in are those of no stranger. */
export const healthOf = (
  line: Pick<Line, "world">,
  { trunk }: Subscriber,
  check: TrunkHealth["check"],
  state: TrunkHealth["state"],
): Promise<TrunkHealth> =>
  until(async () => (await getTrunk(line.world.house, trunk.id)).health.find((one) => one.check === check && one.state === state), {
    what: `${check} ${state}`,
    withinMs: 45_000,
  });
