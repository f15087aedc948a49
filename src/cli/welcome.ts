import type { Config } from "../config.ts";
import { type Credentials, credentialsPath } from "../credentials.ts";
import { ROLES, type Role } from "../roles.ts";

export interface Welcome {
  config: Config;
  roles: readonly Role[];
  credentials: Credentials | undefined;
  /** Standard output is a terminal: only then may keys be shown. */
  terminal: boolean;
}

/** What `leadline start` prints once it is ready. */
export function welcome({ config, roles, credentials, terminal }: Welcome): string {
  const api = roles.includes("api");
  const title = roles.length === ROLES.length ? "Leadline is ready" : `Leadline is ready (${roles.join(", ")})`;
  const lines = [api ? `${title}: ${config.publicUrl}` : title];
  if (api) lines.push(`API description: ${config.publicUrl}/docs`);
  if (credentials) lines.push(`Demo workspace and its keys: ${credentialsPath(config.DATA_DIR)}`);
  else lines.push("Make a key with: leadline key create --dialect yappr");
  if (api && credentials) lines.push("", "Try it:", ...examples(config, credentials, terminal));
  return `${lines.join("\n")}\n`;
}

function examples(config: Config, credentials: Credentials, terminal: boolean): string[] {
  const { workspace, demo, keys } = credentials;
  const key = (name: keyof typeof keys) => (terminal ? keys[name] : fromFile(credentialsPath(config.DATA_DIR), name));
  const curl = (path: string, keyName: keyof typeof keys, body: object) => [
    `  curl ${config.publicUrl}${path} -H "Authorization: Bearer ${key(keyName)}" -H "Content-Type: application/json" \\`,
    `    -d '${JSON.stringify(body)}'`,
  ];
  return [
    "# yappr: a call, to the simulated carrier",
    ...curl("/calls", "yappr", { agent_id: demo.agent_id, to: "+972501234567", from: demo.from, variables: { LeadName: "David Cohen" } }),
    "# topcalls: a lead on a list",
    ...curl("/v1/leads", "topcalls", { name: "David Cohen", phone_number: "+972501234567", list_id: demo.list_id }),
    "# aiployees: a lead in a campaign",
    ...curl("/api/user/lead", "aiployees", {
      phone_number: "+972501234567",
      campaign_id: demo.campaign_id,
      variables: { customer_name: "David Cohen" },
    }),
    "# vcita: a request from a web form",
    ...curl("/platform/v1/leadgen", "vcita_staff", {
      business_id: workspace.nickname,
      identifier_type: "email",
      email: "jsmith@example.com",
      first_name: "Jane",
      request_title: "A first visit",
    }),
  ];
}

/** A shell expression for a key, so that none is shown where output may be kept. */
function fromFile(path: string, name: string): string {
  const script = `require(${JSON.stringify(path)}).keys.${name}`;
  return `$(node -p '${script.replaceAll("'", "'\\''")}')`;
}
