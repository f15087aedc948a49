import { aiployees } from "./aiployees/plugin.ts";
import type { Dialect } from "./kit/dialect.ts";
import { topcalls } from "./topcalls/plugin.ts";
import { vcita } from "./vcita/plugin.ts";
import { yappr } from "./yappr/plugin.ts";

/** In the order in which they are asked who owns a path: yappr has no prefix of its own, so it takes what is left. */
export const DIALECTS = [vcita, topcalls, aiployees, yappr] as const satisfies readonly Dialect[];

export type DialectName = "vcita" | "topcalls" | "aiployees" | "yappr";

export const dialectNamed = (name: string): Dialect | undefined => DIALECTS.find((dialect) => dialect.name === name);
