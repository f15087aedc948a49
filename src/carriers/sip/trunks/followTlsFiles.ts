import { readFile } from "node:fs/promises";
import type { Log } from "../../../platform/log.ts";
import type { TlsFiles } from "../transport/createSecureContexts.ts";
import type { SipSettings } from "./settings.ts";

type Paths = Pick<SipSettings, "SIP_TLS_CERT" | "SIP_TLS_KEY" | "SIP_TLS_CA">;

/** Throws with the setting and the path of one that cannot be read, or is empty. */
export async function readTlsFiles({ SIP_TLS_CERT, SIP_TLS_KEY, SIP_TLS_CA }: Paths): Promise<TlsFiles> {
  return {
    ...(SIP_TLS_CERT ? { cert: await pemFile("SIP_TLS_CERT", SIP_TLS_CERT) } : {}),
    ...(SIP_TLS_KEY ? { key: await pemFile("SIP_TLS_KEY", SIP_TLS_KEY) } : {}),
    ...(SIP_TLS_CA ? { ca: await pemFile("SIP_TLS_CA", SIP_TLS_CA) } : {}),
  };
}

const pemFile = async (name: string, path: string): Promise<string> => {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Error(`${name} ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  // As if it were not configured, another certificate would be shown, or others trusted.
  if (text.trim() === "") throw new Error(`${name} ${path} is empty`);
  return text;
};

export interface FollowOptions {
  paths: Paths;
  /** As they were read. */
  files: TlsFiles;
  everyMs: number;
  /** Throws when they cannot be used. */
  use(files: TlsFiles): void;
  log: Log;
}

/**
 * Certificates are renewed while we run. The files are read again and again and compared: certbot turns links, containers turn
 * folders, and neither tells who watches a file. What cannot be used, such as a certificate whose key is not written yet, is
 * logged once; the next change is tried again. Returns what ends it.
 */
export function followTlsFiles({ paths, files, everyMs, use, log }: FollowOptions): () => void {
  if (!paths.SIP_TLS_CERT && !paths.SIP_TLS_CA) return () => {};
  let last = JSON.stringify(files);
  let trouble: string | undefined;
  let stopped = false;

  const look = async () => {
    const found = await readTlsFiles(paths);
    const text = JSON.stringify(found);
    if (stopped || text === last) return;
    last = text;
    use(found);
    trouble = undefined;
    log.info("the TLS certificates have changed: new connections use the new ones");
  };
  const failed = (error: unknown) => {
    const words = error instanceof Error ? error.message : String(error);
    if (!stopped && words !== trouble) log.error({ err: error }, "the new TLS certificates cannot be used: the old ones stay");
    trouble = words;
  };
  let timer: NodeJS.Timeout;
  const again = () => {
    timer = setTimeout(() => {
      look()
        .catch(failed)
        .finally(() => {
          if (!stopped) again();
        });
    }, everyMs);
  };
  again();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
