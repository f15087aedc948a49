import type pg from "pg";
import type { Client } from "./database.ts";

/** A named one: a connection parses and plans it once. */
export interface Statement {
  name: string;
  text: string;
}

/** Has the connection parse a statement that nobody has asked it for yet. Nothing is run. */
export function parseStatement(client: Client, { name, text }: Statement): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query({
      // Once the server has parsed it, the driver remembers by these that it has.
      name,
      text,
      submit(connection: pg.Connection) {
        connection.parse({ name, text, types: [] }, true);
        connection.sync();
      },
      handleReadyForQuery: () => resolve(),
      handleError: reject,
    });
  });
}
