import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Issued } from "../../carriers/sip/transport/support/certificates.ts";
import { findProgram } from "../../support/debian-packages.ts";
import { until } from "../../support/until.ts";
import { type PeerProcess, startPeer } from "./peer-process.ts";
import { freePort } from "./ports.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface Kamailio {
  port: number;
  process: PeerProcess;
}

export interface KamailioOverTls extends Kamailio {
  tlsPort: number;
}

export interface KamailioOptions {
  /** The routing script from `request_route` on. */
  routes: string;
  /** Modules beside the usual ones, with their parameters. */
  loads?: string;
  /** What the configuration refers to as FOLDER/name. */
  files?: Readonly<Record<string, string>>;
}

export interface KamailioTls {
  shows: Issued;
  /** PEM of the authority whose certificates it wants to see of everybody; it looks at none when not said. */
  trusts?: string;
  method?: string;
}

const LOOKS_AT_CERTIFICATES = `
modparam("tls", "ca_list", "FOLDER/ca.pem")
modparam("tls", "verify_certificate", 1)
modparam("tls", "require_certificate", 1)`;

/** The same with TLS on a port of its own. */
export async function startKamailioOverTls(options: KamailioOptions & { tls: KamailioTls }): Promise<KamailioOverTls> {
  const { shows, trusts, method = "TLSv1.2+" } = options.tls;
  const tlsPort = await freePort();
  const loads = `
enable_tls=yes
listen=tls:127.0.0.1:${tlsPort}
loadmodule "tls.so"
modparam("tls", "tls_method", "${method}")
modparam("tls", "private_key", "FOLDER/key.pem")
modparam("tls", "certificate", "FOLDER/cert.pem")
${trusts ? LOOKS_AT_CERTIFICATES : ""}
${options.loads ?? ""}`;
  const files = { ...options.files, "key.pem": shows.key, "cert.pem": shows.cert, "ca.pem": trusts ?? "" };
  return { ...(await startKamailio({ ...options, loads, files })), tlsPort };
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
