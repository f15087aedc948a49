import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/**
 * The other side of the media benchmark, in a process of its own: per call a socket that sends 20 ms of sound every 20 ms and
 * notes when ours arrives. It talks to its parent over IPC.
 */
export type ToPeer = { kind: "start"; targets: number[]; payload: string } | { kind: "measure" } | { kind: "stop" };
export type FromPeer =
  | { kind: "ready"; ports: number[] }
  /** `errorsMs`: arrival of each packet against the grid of its call; `late`: by which the peer itself woke too late. */
  | { kind: "result"; received: number; lost: number; errorsMs: number[]; lateMs: number[]; sent: number };

interface Call {
  socket: Socket;
  first: number;
  highest: number;
  received: number;
  /** Arrival minus sequence times 20 ms. */
  offsets: number[];
}

const FRAME_MS = 20;
const count = Number(process.argv[2]);
const calls: Call[] = [];
const lateMs: number[] = [];
let sent = 0;
let timer: NodeJS.Timeout | undefined;

const tell = (message: FromPeer) => process.send?.(message);

for (let index = 0; index < count; index++) {
  const socket = createSocket({ type: "udp4", lookup: (host, _options, callback) => callback(null, host, 4) });
  const call: Call = { socket, first: -1, highest: -1, received: 0, offsets: [] };
  socket.on("message", (packet) => {
    const now = performance.now();
    // Reports go to the port above, which may be that of another call here.
    if (packet.readUInt8(1) >= 200) return;
    const sequence = packet.readUInt16BE(2);
    if (call.first < 0) call.first = call.highest = sequence;
    const ahead = ((sequence - call.highest) << 16) >> 16;
    call.highest += ahead > 0 ? ahead : 0;
    call.received++;
    call.offsets.push(now - (ahead > 0 ? call.highest : call.highest + ahead) * FRAME_MS);
  });
  // The lookup answers at once, and so does the binding: whoever waits must do so before.
  const listening = once(socket, "listening");
  socket.bind(0, "127.0.0.1");
  await listening;
  calls.push(call);
}

process.on("message", (message: ToPeer) => {
  if (message.kind === "start") send(message.targets, Buffer.from(message.payload, "base64"));
  else if (message.kind === "measure") measure();
  else stop();
});
tell({ kind: "ready", ports: calls.map(({ socket }) => socket.address().port) });

/** Calls spread over the 20 ms, so that we do not send them all in one go either. */
function send(targets: number[], payload: Buffer): void {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet[1] = 8;
  payload.copy(packet, 12);
  const startMs = performance.now();
  let turn = 0;
  const tick = () => {
    const now = performance.now();
    while (startMs + turn * 4 <= now) {
      lateMs.push(now - startMs - turn * 4);
      const frame = Math.floor(turn / 5);
      packet.writeUInt16BE(frame & 0xffff, 2);
      packet.writeUInt32BE((frame * 160) >>> 0, 4);
      for (let index = turn % 5; index < count; index += 5) {
        packet.writeUInt32BE(index + 1, 8);
        calls[index]?.socket.send(Buffer.from(packet), targets[index] ?? 0, "127.0.0.1");
        sent++;
      }
      turn++;
    }
    timer = setTimeout(tick, Math.max(1, startMs + turn * 4 - performance.now()));
  };
  tick();
}

/** What came while both sides warmed up does not count. */
function measure(): void {
  lateMs.length = 0;
  for (const call of calls) call.offsets.length = 0;
}

function stop(): void {
  clearTimeout(timer);
  let received = 0;
  let lost = 0;
  const errorsMs: number[] = [];
  for (const call of calls) {
    received += call.received;
    if (call.first >= 0) lost += call.highest - call.first + 1 - call.received;
    const earliest = call.offsets.reduce((least, offset) => Math.min(least, offset), Number.POSITIVE_INFINITY);
    for (const offset of call.offsets) errorsMs.push(offset - earliest);
    call.socket.close();
  }
  const result: FromPeer = { kind: "result", received, lost, errorsMs, lateMs, sent };
  process.send?.(result, () => process.disconnect?.());
}
