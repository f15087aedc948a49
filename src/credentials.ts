import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { isErrno, replaceFile } from "./platform/files.ts";

const Credentials = Type.Object({
  base_url: Type.String(),
  workspace: Type.Object({ id: Type.String(), uid: Type.String(), nickname: Type.String(), webhook_secret: Type.String() }),
  keys: Type.Object({
    yappr: Type.String(),
    topcalls: Type.String(),
    aiployees: Type.String(),
    vcita_staff: Type.String(),
    vcita_app: Type.String(),
    vcita_directory: Type.String(),
  }),
  demo: Type.Object({
    agent_id: Type.String(),
    list_id: Type.String(),
    campaign_id: Type.Integer(),
    assistant_id: Type.Integer(),
    from: Type.String(),
  }),
});

/** What opens the demo workspace, and the ids of what is in it. */
export type Credentials = Static<typeof Credentials>;

export const credentialsPath = (dataDir: string): string => join(dataDir, "credentials.json");

/** Undefined when there is no such file, or it is no longer what Leadline wrote. */
export function readCredentials(dataDir: string): Credentials | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(credentialsPath(dataDir), "utf8"));
    return Value.Check(Credentials, found) ? found : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

export function writeCredentials(dataDir: string, credentials: Credentials): void {
  replaceFile(credentialsPath(dataDir), `${JSON.stringify(credentials, null, 2)}\n`);
}
