import { once } from "node:events";
import { createServer } from "node:net";
import { type Config, shownHost } from "../../config.ts";
import { sentence } from "../report.ts";
import { type Finding, ok, problem } from "./finding.ts";

const ABOUT = "port";
const PATIENCE_MS = 2_000;

/** Free, or ours already. */
export async function checkPort(config: Config): Promise<Finding> {
  if (config.PORT !== 0 && (await isLeadline(`http://${shownHost(config.HOST)}:${config.PORT}`))) {
    return ok(ABOUT, `Leadline runs on port ${config.PORT}.`);
  }
  try {
    const probe = createServer().listen(config.PORT, config.HOST);
    await once(probe, "listening");
    probe.close();
    return ok(ABOUT, config.PORT === 0 ? "any free one" : `${config.PORT} on ${config.HOST} is free.`);
  } catch (error) {
    return problem(ABOUT, sentence(error));
  }
}

async function isLeadline(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.ok && (await response.text()) === '{"status":"ok"}';
  } catch {
    return false;
  }
}
