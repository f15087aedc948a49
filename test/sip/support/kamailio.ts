import { writeFileSync } from "node:fs";
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

/**
 * Runs Kamailio on loopback, UDP and TCP on one port. `routes`: the routing script from `request_route` on; `loads`: modules beside the
 * usual ones, with their parameters; `files`: what the script refers to as FOLDER/name.
 */
export async function startKamailio(options: {
  routes: string;
  loads?: string;
  files?: Readonly<Record<string, string>>;
}): Promise<Kamailio> {
  const program = findProgram("kamailio");
  if (!program) throw new Error("kamailio is not installed");
  const folder = temporaryFolder();
  const port = await freePort();
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text);
  const configuration = `#!KAMAILIO
debug=1
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
${options.loads ?? ""}
${options.routes}
`.replaceAll("FOLDER", folder);
  const file = join(folder, "kamailio.cfg");
  writeFileSync(file, configuration);
  const peer = startPeer(program, ["-f", file, "-DD", "-E", "-m", "32", "-M", "4", "-Y", folder, "-P", join(folder, "pid")], folder);
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

async function listens(port: number): Promise<boolean> {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
