import { Logger } from "graphile-worker";
import type { Log } from "../log.ts";

/** Jobs wait for other people's servers, not for the database: there are meant to be more of them than connections. */
const POOL_ADVICE = /maxPoolSize/;

/** The worker's log lines in ours. `isExpected` tells the failures that nobody has to look at. */
export const workerLogger = (log: Log, isExpected: (error: unknown) => boolean = () => false): Logger =>
  new Logger(() => (level, message, meta) => {
    if (level === "error" && !isExpected(meta?.error)) log.error(meta ?? {}, message);
    else if (level === "warning" && !POOL_ADVICE.test(message)) log.warn(meta ?? {}, message);
    else log.debug(message);
  });
