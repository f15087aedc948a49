import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createMediaEngine } from "../src/carriers/sip/media/createMediaEngine.ts";
import { G711 } from "../src/carriers/sip/media/g711.ts";
import { createLog } from "../src/platform/log.ts";
import type { FromPeer, ToPeer } from "./support/media-peer.ts";

const FRAME_MS = 20;

/**
 * Two-way G.711 calls in this process against a peer in another one: how far each of our packets is from its place on the 20 ms
 * grid (the earliest one of its call sets the grid, so every other can only be late), where it is sent and where it arrives.
 * `npm run bench -- media [calls] [seconds]`.
 */
export async function media(calls = Number(process.argv[3] ?? 200), seconds = Number(process.argv[4] ?? 10)): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const peer = fork(new URL("support/media-peer.ts", import.meta.url), [String(calls)], { execArgv: [] });
  const hear = async <K extends FromPeer["kind"]>(kind: K): Promise<Extract<FromPeer, { kind: K }>> => {
    for (;;) {
      const [message]: FromPeer[] = await once(peer, "message");
      if (message?.kind === kind) return message as Extract<FromPeer, { kind: K }>; // its kind was just compared
    }
  };
  const tell = (message: ToPeer) => peer.send(message);
  const { ports } = await hear("ready");

  collect();
  const before = process.memoryUsage();
  const engine = createMediaEngine({ ports: { from: 30_000, to: 60_000 }, bindAddress: "127.0.0.1", log: createLog("warn") });
  const sessions = await Promise.all(ports.map(() => engine.open({})));
  const sound = Int16Array.from({ length: 8_000 }, (_, index) => 6_000 * Math.sin(index / 7) * Math.sin(index / 900));
  const departures: Float64Array[] = [];
  const heardFrames = { voice: 0, concealed: 0 };
  let measuring = false;
  const capacity = seconds * 50 + 50;
  const lengths = new Uint32Array(calls);
  for (const [index, session] of sessions.entries()) {
    const port = ports[index] ?? 0;
    departures.push(new Float64Array(capacity));
    session.negotiated({
      codec: "PCMA",
      payloadType: 8,
      sendEventPayloadType: 101,
      receiveEventPayloadType: 101,
      remote: { address: "127.0.0.1", port, rtcpPort: port + 1 },
      direction: "sendrecv",
      packetMs: FRAME_MS,
      srtp: null,
    });
    session.onFrame((frame) => {
      if (!measuring) return;
      const at = lengths[index] ?? 0;
      const own = departures[index];
      if (own && at < capacity) {
        own[at] = performance.now() - frame.timestampMs;
        lengths[index] = at + 1;
      }
      if (frame.concealed) heardFrames.concealed++;
      else heardFrames.voice++;
      if (session.position().waitingSamples < 1_600) session.play(sound);
    });
    session.start();
  }
  const payload = Buffer.from(sound.subarray(0, 160).map((sample) => G711.PCMA.encode[sample & 0xffff] ?? 0));
  tell({ kind: "start", targets: sessions.map((session) => session.port), payload: payload.toString("base64") });

  // Warm-up: the compiler and the jitter buffers settle.
  await sleep(2_000);
  measuring = true;
  tell({ kind: "measure" });
  const cpu = process.cpuUsage();
  const began = performance.now();
  await sleep(seconds * 1_000);
  const used = process.cpuUsage(cpu);
  const elapsedMs = performance.now() - began;
  measuring = false;
  const result = hear("result");
  tell({ kind: "stop" });
  collect();
  const after = process.memoryUsage();
  const { received, lost, errorsMs, lateMs } = await result;
  const qualities = sessions.map((session) => session.close());
  await engine.close();

  const errors: number[] = [];
  for (const [index, own] of departures.entries()) {
    const mine = own.subarray(0, lengths[index]);
    const earliest = mine.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
    for (const value of mine) errors.push(value - earliest);
  }
  const sum = (key: "packets_sent" | "packets_received" | "packets_lost") =>
    qualities.reduce((total, quality) => total + (quality?.[key] ?? 0), 0);
  const figures = {
    benchmark: "media",
    calls,
    seconds,
    pacing_sent_ms: spread(errors),
    pacing_arrived_ms: spread(errorsMs),
    peer_late_ms: spread(lateMs),
    packets_sent: sum("packets_sent"),
    packets_arrived: received,
    packets_of_ours_lost: lost,
    packets_of_theirs_lost: sum("packets_lost"),
    concealed_share: round(heardFrames.concealed / (heardFrames.concealed + heardFrames.voice), 5),
    cpu_seconds_per_second: round((used.user + used.system) / 1_000 / elapsedMs, 3),
    resident_bytes_per_call: Math.round((after.rss - before.rss) / calls),
    heap_bytes_per_call: Math.round((after.heapUsed + after.external - before.heapUsed - before.external - calls * capacity * 8) / calls),
    mean_mos: round(qualities.reduce((total, quality) => total + (quality?.mos ?? 0), 0) / calls, 2),
  };
  console.table(
    Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, typeof value === "object" ? { ...value } : { value }])),
  );
  console.log(JSON.stringify(figures));
}

function spread(values: number[]): { p50: number; p99: number; p999: number; max: number } {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN, 2);
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

const round = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;
