import { Command, Option } from "commander";
import { createKey } from "../core/api-keys/createKey.ts";
import { listKeys } from "../core/api-keys/listKeys.ts";
import { revokeKey } from "../core/api-keys/revokeKey.ts";
import type { KeyKind } from "../core/tables.ts";
import { DIALECTS, dialectNamed } from "../dialects/dialects.ts";
import { uidOf } from "../platform/ids.ts";
import { collect, moment } from "./arguments.ts";
import { Complaint } from "./complaint.ts";
import { directoryNamed, workspaceNamed } from "./owner.ts";
import { scopesNamed } from "./scopes.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { sheet, table } from "./table.ts";

interface CreateOptions {
  dialect: string;
  kind?: KeyKind;
  workspace?: string;
  directory?: string;
  name: string;
  scope?: string[];
  expires?: Date;
  json?: boolean;
}

const KINDS: readonly KeyKind[] = ["workspace", "staff", "app", "directory"];

const EXAMPLES = `
Examples:
  leadline key create --dialect yappr
  leadline key create --dialect topcalls --workspace demo.clinic1 --scope leads:write --scope lists:read --expires 30d
  leadline key create --dialect vcita --kind directory --directory 0a1b2c3d4e5f6a7b --json`;

export function keyCommands(): Command {
  const group = new Command("key");
  group
    .command("create")
    .description("Make an API key. It works on every dialect; the one it is made for decides what it looks like.")
    .addOption(new Option("--dialect <name>", "what it looks like").choices(DIALECTS.map(({ name }) => name)).makeOptionMandatory())
    .addOption(new Option("--kind <kind>", "whose key it is; default staff for vcita, workspace for the others").choices(KINDS))
    .option("--workspace <name>", "what it opens: a workspace's id, uid or nickname; not needed while there is only one")
    .option("--directory <uid>", "what it opens, for kinds directory and app: all workspaces of a directory")
    .option("--name <name>", "for people", "made at the command line")
    .option("--scope <scope>", "what it may do, in Leadline's or the dialect's words; repeat for more; default everything", collect)
    .option("--expires <time>", "a time from now such as 12h or 30d, or a date such as 2030-12-31 (UTC); default never", moment)
    .option("--json", "print one JSON value")
    .addHelpText("after", EXAMPLES)
    .action((options: CreateOptions) => overStore(options, (session) => create(session, options)));
  group
    .command("list")
    .description("List API keys. The keys themselves are kept only as hashes.")
    .option("--workspace <name>", "only those of one workspace: its id, uid or nickname")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline key list --workspace demo.clinic1")
    .action((options: { workspace?: string; json?: boolean }) => overStore(options, (session) => list(session, options.workspace)));
  group
    .command("revoke")
    .description("End a key, at once and for good.")
    .argument("<key>", "its number or id, as `leadline key list` shows it")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline key revoke 7")
    .action((key: string, options: { json?: boolean }) => overStore(options, (session) => revoke(session, key)));
  return group;
}

async function create({ house }: Session, options: CreateOptions): Promise<Answer> {
  const dialect = dialectNamed(options.dialect);
  if (!dialect) throw new Complaint(`There is no dialect ${options.dialect}.`);
  const kind = options.kind ?? (dialect.name === "vcita" ? "staff" : "workspace");
  if (options.directory !== undefined && options.workspace !== undefined)
    throw new Complaint("A key opens a workspace or a directory, not both.");
  if (kind === "directory" && options.directory === undefined)
    throw new Complaint("A directory key needs --directory <uid>. See: leadline directory list");
  const scopes = scopesNamed(dialect, options.scope ?? []);
  const opens =
    options.directory === undefined
      ? { workspace: await workspaceNamed(house, options.workspace), directory: null }
      : { workspace: null, directory: await directoryNamed(house, options.directory) };
  const { id, number, token } = await createKey(house, {
    kind,
    dialect: dialect.name,
    owner: opens.directory ? { directoryId: opens.directory.id } : { workspaceId: opens.workspace.id },
    name: options.name,
    scopes,
    expiresAt: options.expires ?? null,
    mint: (next) => dialect.mint(next, kind),
  });
  const made = {
    id,
    number,
    key: token,
    dialect: dialect.name,
    kind,
    workspace: opens.workspace && { id: opens.workspace.id, uid: opens.workspace.uid, nickname: opens.workspace.nickname },
    directory: opens.directory && { id: opens.directory.id, uid: opens.directory.uid },
    name: options.name,
    scopes,
    expires_at: options.expires ?? null,
  };
  const shown = { key: token, number, kind, opens: (opens.workspace ?? opens.directory).name, expires: options.expires ?? "never" };
  return { json: made, text: `${sheet(shown)}\n\nThe key is shown only here. End it with: leadline key revoke ${number}` };
}

async function list({ house }: Session, workspaceName: string | undefined): Promise<Answer> {
  const workspace = workspaceName === undefined ? undefined : await workspaceNamed(house, workspaceName);
  const keys = await listKeys(house, workspace?.id);
  if (keys.length === 0) return { json: [], text: "No keys yet. Make one: leadline key create --dialect yappr" };
  const now = house.clock.now();
  const rows = keys.map((key) => {
    const state = key.revoked_at ? "revoked" : key.expires_at && key.expires_at <= now ? "expired" : "active";
    const opens = key.directory_id === null ? key.workspace_uid : `directory ${uidOf(key.directory_id)}`;
    return [key.number, `${key.token_prefix}...`, key.dialect, key.kind, opens, key.name, state, key.expires_at, key.last_used_at];
  });
  return {
    json: keys,
    text: table(["NO.", "BEGINS", "DIALECT", "KIND", "OPENS", "NAME", "STATE", "EXPIRES (UTC)", "LAST USED (UTC)"], rows),
  };
}

async function revoke({ house }: Session, key: string): Promise<Answer> {
  const { id, revokedAt } = await revokeKey(house, key);
  return { json: { id, revoked_at: revokedAt }, text: `Key ${key} is revoked.` };
}
