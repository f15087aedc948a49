import type { InputIssue } from "../errors.ts";
import type { TrunkFields } from "./fields.ts";

/** What is wrong between the settings of a whole trunk, each of which is right by itself. */
export function trunkIssues(trunk: Pick<TrunkFields, "username" | "register"> & { hasPassword: boolean }): InputIssue[] {
  const issues: InputIssue[] = [];
  if (trunk.username !== null && !trunk.hasPassword) {
    issues.push({ path: ["password"], code: "required", message: "The username needs a password." });
  }
  if (trunk.username === null && trunk.hasPassword) {
    issues.push({ path: ["username"], code: "required", message: "The password needs a username." });
  }
  if (trunk.register && trunk.username === null) {
    issues.push({ path: ["username"], code: "required", message: "A trunk that registers needs a username and a password." });
  }
  return issues;
}
