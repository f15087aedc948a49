import pg from "pg";
import type { Log } from "../log.ts";
import type { Connection } from "./database.ts";

export interface Listener {
  /** Calls `heard` for every notification on `channel`, and once with "" after each (re)connection: something may have been missed. */
  on(channel: string, heard: (payload: string) => void): void;
  /** False while the connection is down: caches that rely on notifications must not be trusted. */
  readonly connected: boolean;
  close(): Promise<void>;
}

const RETRY_MS = 250;

/** One connection that LISTENs for the whole process and comes back by itself. */
export async function openListener(connection: Connection, channels: readonly string[], log: Log): Promise<Listener> {
  const handlers = new Map<string, Array<(payload: string) => void>>();
  let client: pg.Client | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const connect = async () => {
    const next = new pg.Client({ ...connection, keepAlive: true, connectionTimeoutMillis: 5_000 });
    next.on("error", (error) => log.debug({ err: error }, "listener connection error"));
    next.on("notification", ({ channel, payload }) => {
      for (const heard of handlers.get(channel) ?? []) heard(payload ?? "");
    });
    try {
      await next.connect();
      for (const channel of channels) await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await next.end().catch(() => undefined);
      throw error;
    }
    if (closed) return next.end();
    next.on("end", () => lost(next));
    client = next;
    for (const list of handlers.values()) for (const heard of list) heard("");
  };

  const lost = (which: pg.Client) => {
    if (client !== which) return;
    client = undefined;
    if (!closed) retry();
  };

  const retry = () => {
    timer = setTimeout(() => {
      connect().catch((error: unknown) => {
        log.debug({ err: error }, "listener cannot connect yet");
        if (!closed) retry();
      });
    }, RETRY_MS);
  };

  await connect();
  return {
    on(channel, heard) {
      const list = handlers.get(channel) ?? [];
      list.push(heard);
      handlers.set(channel, list);
    },
    get connected() {
      return client !== undefined;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      await last?.end().catch(() => undefined);
    },
  };
}
