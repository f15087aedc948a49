import type { Trunk } from "./trunk.ts";

/** A trunk with what goes on there now. */
export interface TrunkView extends Trunk {
  /** Calls under way. */
  channels_in_use: number;
  number_count: number;
  /** What every living voice node found of each gateway, by gateway and node. */
  health: TrunkHealth[];
}

export interface TrunkHealth {
  gateway: string;
  /** `calls`: how the last call fared at a gateway that could be reached; gone when the trunk is changed. */
  check: "options" | "registration" | "calls";
  state: "up" | "down";
  /** For people. */
  detail: string;
  /** In this state since. */
  changed_at: Date;
  checked_at: Date;
  node: { id: string; host: string; pid: number };
}
