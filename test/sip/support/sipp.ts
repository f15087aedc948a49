import { createSocket } from "node:dgram";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../support/debian-packages.ts";
import { until } from "../../support/until.ts";
import { type PeerProcess, startPeer } from "./peer-process.ts";
import { freePort } from "./ports.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface SippOptions {
  /** The steps, without the surrounding `scenario` element. */
  scenario: string;
  /** Of a sipp that calls: how many; 1 when not said. */
  calls?: number;
  /** host:port to call; without it sipp waits for calls. */
  remote?: string;
  port?: number;
  transport?: "udp" | "tcp";
  /** The user part that it calls, `[service]` in the scenario. */
  service?: string;
  /** Calls per second that it places. */
  rate?: number;
  /** For `[fieldN]`, one line per call. */
  rows?: readonly string[];
  timeoutSeconds?: number;
  more?: readonly string[];
}

export interface Sipp {
  port: number;
  process: PeerProcess;
  /** What it has sent and received, in its words. */
  messages(): string;
  /** Sends it a request GO in the call of that Call-ID: so a test tells a scenario that waits with `recv("GO")` to go on. */
  go(callId: string): void;
  /**
   * Resolves when every call went as the scenario says; else rejects with what sipp says of it. One that is called stops
   * taking calls with this, so it is for after the last call.
   */
  succeeded(): Promise<void>;
}

/** Runs sipp with a scenario, on loopback. */
export async function startSipp(options: SippOptions): Promise<Sipp> {
  const program = findProgram("sipp");
  if (!program) throw new Error("sipp is not installed");
  const folder = temporaryFolder();
  const port = options.port ?? (await freePort());
  const file = join(folder, "scenario.xml");
  writeFileSync(
    file,
    `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n${options.remote ? options.scenario : besideOptions(options.scenario)}\n</scenario>\n`,
  );
  const args = ["-sf", file, "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", String(port), "-nostdin"];
  if (options.remote) args.push("-m", String(options.calls ?? 1));
  args.push("-timeout", String(options.timeoutSeconds ?? 100), "-timeout_error", "-trace_err", "-trace_msg", "-nd");
  args.push("-t", options.transport === "tcp" ? "t1" : "u1", "-mp", String(await freePort()));
  if (options.service) args.push("-s", options.service);
  if (options.rate) args.push("-r", String(options.rate));
  if (options.rows) {
    writeFileSync(join(folder, "rows.csv"), `SEQUENTIAL\n${options.rows.join("\n")}\n`);
    args.push("-inf", join(folder, "rows.csv"));
  }
  args.push(...(options.more ?? []));
  if (options.remote) args.push(options.remote);
  const peer = startPeer(program, args, folder);
  if (!options.remote) await listening(peer, folder, options.transport ?? "udp", port);
  let orders = 0;
  return {
    port,
    process: peer,
    messages: () => logOf(folder, "messages"),
    go(callId) {
      const socket = createSocket("udp4");
      // One that is the same as the last would be taken for a copy of it.
      orders++;
      const via = `Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKgo${orders}`;
      const head = ["GO sip:sipp SIP/2.0", via, `Call-ID: ${callId}`, `CSeq: ${orders} GO`];
      const fields = ["From: <sip:go@127.0.0.1>;tag=go", "To: <sip:sipp@127.0.0.1>", "Content-Length: 0"];
      socket.send([...head, ...fields, "", ""].join("\r\n"), port, "127.0.0.1", () => socket.close());
    },
    async succeeded() {
      if (!options.remote) peer.kill("SIGUSR1");
      const code = await peer.ended;
      if (code !== 0)
        throw new Error(
          `sipp ended with ${code}: ${logOf(folder, "errors")}\n${peer.output().slice(-2_000)}\n${logOf(folder, "messages").slice(-6_000)}`,
        );
    },
  };
}

/** As /proc tells of sockets: addresses and ports in hexadecimal. */
async function listening(peer: PeerProcess, folder: string, transport: "udp" | "tcp", port: number): Promise<void> {
  const table = `/proc/net/${transport}`;
  const entry = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000`;
  if (!existsSync(table)) return;
  let died = false;
  void peer.ended.then(() => {
    died = true;
  });
  await until(
    () => {
      if (died) throw new Error(`sipp ended at once: ${peer.output().slice(-2_000)}\n${logOf(folder, "errors")}`);
      return readFileSync(table, "utf8").includes(entry);
    },
    { what: "sipp's port", withinMs: 30_000 },
  );
}

/** One that is called is also asked for its health, whenever that is: OPTIONS is answered as a call of its own. */
const besideOptions = (scenario: string): string => `<recv request="OPTIONS" optional="true" next="80"/>
${scenario}
<nop next="81"/>
<label id="80"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<label id="81"/>`;

function logOf(folder: string, kind: "errors" | "messages"): string {
  const file = readdirSync(folder).find((name) => name.endsWith(`_${kind}.log`));
  return file ? readFileSync(join(folder, file), "utf8") : "";
}
