import { type Finding, ok, problem } from "./finding.ts";

const NEEDED = 26;

export function checkNode(): Finding {
  const version = process.versions.node;
  if (Number.parseInt(version, 10) >= NEEDED) return ok("Node.js", version);
  return problem("Node.js", `${version} is too old; Leadline needs ${NEEDED}. Use bin/leadline or npm start, which bring their own.`);
}
