import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSimulator } from "../../src/carriers/simulator/simulator.ts";
import type { Tables } from "../../src/core/tables.ts";
import { startVoiceNode } from "../../src/engine/voice-node.ts";
import { createLog } from "../../src/platform/log.ts";
import { openDatabase } from "../../src/platform/postgres/database.ts";
import { builtInConversation } from "../../src/voice/built-in-conversation.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const log = createLog("silent");
/** Of a PostgreSQL, in its folder. */
const SOCKET = ".s.PGSQL.5432";

/** The way to the database, on which connections can be cut as a network is: nobody is told, and nothing arrives any more. */
async function wayToDatabase() {
  const { host } = world.connection;
  const folder = mkdtempSync(join(tmpdir(), "leadline-way-"));
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(join(host ?? "", SOCKET));
    sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(join(folder, SOCKET), resolve));
  return {
    connection: { ...world.connection, host: folder },
    cut() {
      for (const socket of sockets) socket.unpipe().pause();
      return sockets.length;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

test("a heartbeat that the network has swallowed holds up no other", async () => {
  const way = await wayToDatabase();
  const db = openDatabase<Tables>({ connection: way.connection, maxConnections: 10, log });
  const node = await startVoiceNode({
    house: { ...world.house, db },
    carrier: createSimulator({ clock: world.house.clock, speed: 0, seed: "test" }),
    conversation: builtInConversation,
    listener: { on: () => undefined },
    log,
  });
  try {
    assert.ok(way.cut() > 0);
    const { rows } = await world.house.db.pool.query("select clock_timestamp() as at");
    await until(
      async () =>
        (await world.house.db.pool.query("select from nodes where id = $1 and heartbeat_at > $2", [node.id, rows[0].at])).rows.length > 0,
      { what: "a heartbeat on another connection", withinMs: 60_000 },
    );
  } finally {
    await node.close();
    await Promise.all([db.close(), way.close()]);
  }
});
