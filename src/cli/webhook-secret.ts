import { Command } from "commander";
import { rotateWebhookSecret } from "../core/workspaces/rotateWebhookSecret.ts";
import { readCredentials, writeCredentials } from "../credentials.ts";
import { workspaceNamed } from "./owner.ts";
import { overStore } from "./session.ts";

export function webhookSecretCommands(): Command {
  const group = new Command("webhook-secret");
  group
    .command("rotate")
    .description("Replace it. From now on deliveries are signed with the new one.")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline webhook-secret rotate --workspace demo.clinic1")
    .action((options: { workspace?: string; json?: boolean }) =>
      overStore(options, async ({ house, config }) => {
        const workspace = await workspaceNamed(house, options.workspace);
        const { webhookSecret } = await rotateWebhookSecret(house, workspace.id);
        const credentials = readCredentials(config.DATA_DIR);
        if (credentials?.workspace.id === workspace.id) {
          writeCredentials(config.DATA_DIR, { ...credentials, workspace: { ...credentials.workspace, webhook_secret: webhookSecret } });
        }
        const { id, uid, nickname } = workspace;
        return {
          json: { workspace: { id, uid, nickname }, webhook_secret: webhookSecret },
          text: `${webhookSecret}\n\nIt is shown only here. Give it to whoever checks the signatures.`,
        };
      }),
    );
  return group;
}
