import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Credentials } from "../user-agent.ts";

/** What the trunk answers a challenge with, to be spread into a request's options; nothing when it has none. */
export const credentialsOf = ({ username, password }: Pick<OpenTrunk, "username" | "password">): { credentials?: Credentials } =>
  username !== null && typeof password === "string" ? { credentials: { username, password } } : {};
