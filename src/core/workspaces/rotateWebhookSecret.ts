import type { House } from "../context.ts";
import { NotFound } from "../errors.ts";
import { newWebhookSecret } from "./createWorkspace.ts";

/** Gives a workspace another webhook secret; deliveries are signed with it from now on. Throws NotFound("workspace"). */
export async function rotateWebhookSecret(house: House, workspaceId: string): Promise<{ webhookSecret: string }> {
  const webhookSecret = newWebhookSecret();
  const row = await house.db.kysely
    .updateTable("workspaces")
    .set({ webhook_secret: house.secrets.seal(webhookSecret), updated_at: house.clock.now() })
    .where("id", "=", workspaceId)
    .returning("id")
    .executeTakeFirst();
  if (!row) throw new NotFound("workspace", workspaceId);
  return { webhookSecret };
}
