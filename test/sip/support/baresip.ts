import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { findProgram } from "../../support/debian-packages.ts";
import { until } from "../../support/until.ts";
import { type PeerProcess, startPeer } from "./peer-process.ts";
import { freePort } from "./ports.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { watchAudio } from "./watch-audio.ts";

export interface BaresipOptions {
  /** 8 kHz mono 16-bit WAV that it plays; the call ends with it. */
  plays: string;
  user?: string;
  answer?: "auto" | "manual";
  /** Further parameters of its account, such as `;auth_user=x;auth_pass=y;mediaenc=srtp-mand`. */
  account?: string;
  /** The domain of its account; its own address when not said. */
  domain?: string;
  modules?: readonly string[];
  transport?: "udp" | "tcp";
}

export interface BaresipEvent {
  type: string;
  param?: string;
  [field: string]: unknown;
}

export interface Baresip {
  port: number;
  process: PeerProcess;
  events: readonly BaresipEvent[];
  command(command: string, params?: string): void;
  /** Waits for an event that was not waited for before. */
  event(type: string): Promise<BaresipEvent>;
  /** The longest time, in ms, for which it sent nothing in the midst of a call, or this process did not take it. */
  stoodStillMs(): number;
  /** What it has heard in each of its calls, oldest first: paths of WAV files. */
  heard(): string[];
  said(): string[];
}

/** So many are free from the one that `freePort` gives: enough for two calls at once. */
const RTP_PORTS = 4;

/** Starts baresip as a telephone on loopback that records both directions. */
export async function startBaresip(options: BaresipOptions): Promise<Baresip> {
  const program = findProgram("baresip");
  if (!program) throw new Error("baresip is not installed");
  const folder = temporaryFolder();
  const [port, control, rtp] = [await freePort(), await freePort(), await freePort()];
  const stoodStillMs = watchAudio(rtp, rtp + RTP_PORTS);
  const user = options.user ?? "phone";
  const recordings = join(folder, "recordings");
  mkdirSync(recordings);
  writeFileSync(
    join(folder, "config"),
    configuration({ port, control, rtp, recordings, plays: options.plays, modules: options.modules ?? [] }),
  );
  const domain = options.domain ?? `127.0.0.1:${port}`;
  const transport = options.transport === "tcp" ? ";transport=tcp" : "";
  const account = `<sip:${user}@${domain}${transport}>;regint=0;answermode=${options.answer ?? "auto"}${options.account ?? ""}\n`;
  writeFileSync(join(folder, "accounts"), account);
  writeFileSync(join(folder, "contacts"), "");
  const peer = startPeer(program, ["-f", folder, "-v"], folder);
  const events: BaresipEvent[] = [];
  const taken = new Set<BaresipEvent>();
  const socket = await until(() => controlSocket(control), { what: `baresip's control port (${peer.output()})` });
  readNetstrings(socket, (text) => {
    const message = JSON.parse(text) as BaresipEvent & { event?: boolean };
    if (message.event) events.push(message);
  });
  void peer.ended.then(() => socket.destroy());
  const files = (kind: "enc" | "dec") =>
    readdirSync(recordings)
      .filter((name) => name.endsWith(`-${kind}.wav`))
      .sort()
      .map((name) => join(recordings, name));
  return {
    port,
    process: peer,
    events,
    command(command, params = "") {
      const text = JSON.stringify({ command, params });
      socket.write(`${Buffer.byteLength(text)}:${text},`);
    },
    event: (type) =>
      until(
        () => {
          const found = events.find((event) => event.type === type && !taken.has(event));
          if (found) taken.add(found);
          return found;
        },
        { what: `${type} (${events.map((event) => event.type).join(" ")})`, withinMs: 20_000 },
      ),
    stoodStillMs,
    heard: () => files("dec"),
    said: () => files("enc"),
  };
}

function controlSocket(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}

/** `length:text,` and again. */
function readNetstrings(socket: Socket, take: (text: string) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const colon = rest.indexOf(":");
      const length = colon < 0 ? Number.NaN : Number(rest.subarray(0, colon).toString());
      if (Number.isNaN(length) || rest.length < colon + length + 2) return;
      take(rest.subarray(colon + 1, colon + 1 + length).toString());
      rest = rest.subarray(colon + length + 2);
    }
  });
}

const configuration = (options: {
  port: number;
  control: number;
  rtp: number;
  recordings: string;
  plays: string;
  modules: readonly string[];
}): string => `
poll_method epoll
sip_listen 127.0.0.1:${options.port}
net_interface 127.0.0.1
call_local_timeout 120
call_max_calls 8
audio_player aufile,nowhere
audio_source aufile,${options.plays}
audio_alert aufile,nowhere
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_txmode poll
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports ${options.rtp}-${options.rtp + RTP_PORTS}
jitter_buffer_delay 1-10
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
${options.modules.map((name) => `module ${name}.so`).join("\n")}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${options.control}
snd_path ${options.recordings}
`;
