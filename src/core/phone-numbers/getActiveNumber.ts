import type { Client } from "../../platform/postgres/database.ts";
import type { PhoneNumber } from "./phone-number.ts";

/** The workspace's number that a call may go out from; undefined when it has none like it. Takes a pool or a transaction's client. */
export async function getActiveNumber(
  client: Pick<Client, "query">,
  workspaceId: string,
  /** E.164. */
  phone: string,
): Promise<PhoneNumber | undefined> {
  const { rows } = await client.query<PhoneNumber>({
    name: "active-phone-number",
    text: "select * from phone_numbers where workspace_id = $1 and phone = $2 and is_active",
    values: [workspaceId, phone],
  });
  return rows[0];
}
