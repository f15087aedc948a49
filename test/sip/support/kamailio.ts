import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { findProgram } from "../../support/debian-packages.ts";
import { until } from "../../support/until.ts";
import { type PeerProcess, startPeer } from "./peer-process.ts";
import { freePort } from "./ports.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface Kamailio {
  port: number;
  process: PeerProcess;
}

export interface KamailioOptions {
  /** The routing script from `request_route` on. */
  routes: string;
  /** Modules beside the usual ones, with their parameters. */
  loads?: string;
  /** What the configuration refers to as FOLDER/name. */
  files?: Readonly<Record<string, string>>;
}

/** Runs Kamailio on loopback, UDP and TCP on one port, which the configuration calls PORT. */
export async function startKamailio({ routes, loads = "", files = {} }: KamailioOptions): Promise<Kamailio> {
  return runKamailio(
    `#!KAMAILIO
debug=1
children=2
tcp_children=2
auto_aliases=no
listen=udp:127.0.0.1:PORT
listen=tcp:127.0.0.1:PORT
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
${loads}
${routes}
`,
    files,
  );
}

const MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/";

/** Runs Kamailio as a whole configuration says, in which it listens to TCP on PORT among others. */
export async function runKamailio(configuration: string, files: Readonly<Record<string, string>> = {}): Promise<Kamailio> {
  const program = findProgram("kamailio");
  if (!program) throw new Error("kamailio is not installed");
  const folder = temporaryFolder();
  const port = await freePort();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const file = join(folder, "kamailio.cfg");
  writeFileSync(file, configuration.replaceAll("FOLDER", folder).replaceAll(/\bPORT\b/g, String(port)));
  const args = ["-f", file, "-L", MODULES, "-DD", "-E", "-m", "32", "-M", "4", "-Y", folder, "-P", join(folder, "pid")];
  const peer = startPeer(program, args, folder);
  let died = false;
  void peer.ended.then(() => {
    died = true;
  });
  await until(
    () => {
      if (died) throw new Error(`kamailio ended: ${peer.output().slice(-3_000)}`);
      return listens(port);
    },
    { what: "kamailio", withinMs: 20_000 },
  );
  return { port, process: peer };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
