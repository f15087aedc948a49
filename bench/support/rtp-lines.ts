import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Spread, spread } from "./spread.ts";

/** The audio of the called side: sends 20 ms of sound every 20 ms on each line, and notes when what is sent to it arrives. */
export interface RtpLines {
  open(): Promise<RtpLine>;
  /** From now on. */
  measure(): void;
  pacing(): Pacing;
}

export interface RtpLine {
  port: number;
  /** Sends to this port of loopback from now on. */
  send(port: number): void;
  close(): void;
}

export interface Pacing {
  /** Arrival against the 20 ms grid of its call, which the earliest packet sets: every other one can only be late. */
  gridMs: Spread;
  /** How far from 20 ms an arrival is from that of the packet before it. */
  intervalMs: Spread;
  arrived: number;
  lost: number;
  /** Frames that the sender left out: its time stamps jump, its sequence numbers do not. */
  skipped: number;
  /** By how much this process woke too late to send: what its own figures can be trusted to. */
  ownLateMs: Spread;
}

interface Line {
  socket: Socket;
  target: number;
  source: number;
  /** Of the packet before: arrival, RTP sequence number, sender's time in ms. */
  last: { atMs: number; sequence: number; sentMs: number } | undefined;
  timestamp: number;
  offsets: number[];
}

const FRAME_MS = 20;
const FRAME_BYTES = 160;
/** Lines are spread over the 20 ms, so that they do not all send in one go. */
const PHASES = 5;

export function createRtpLines(payload: Buffer): RtpLines {
  const phases = Array.from({ length: PHASES }, () => new Set<Line>());
  /** Of the measurement: what closed lines had is kept. */
  let gridMs: number[] = [];
  let intervalMs: number[] = [];
  let lateMs: number[] = [];
  let [arrived, lost, skipped, opened] = [0, 0, 0, 0];
  let timer: NodeJS.Timeout | undefined;
  let startMs = 0;
  let turn = 0;
  const packet = Buffer.alloc(12 + FRAME_BYTES);
  packet[0] = 0x80;
  packet[1] = 8;
  payload.copy(packet, 12, 0, FRAME_BYTES);

  const hear = (line: Line, bytes: Buffer) => {
    const atMs = performance.now();
    // Reports go to the port above, which may be another line's here.
    if (bytes.length < 12 || bytes.readUInt8(1) >= 200) return;
    const sequence = bytes.readUInt16BE(2);
    const timestamp = bytes.readUInt32BE(4);
    const { last } = line;
    const ahead = last ? ((sequence - last.sequence) << 16) >> 16 : 1;
    const sentMs = last ? last.sentMs + ((timestamp - line.timestamp) | 0) / 8 : 0;
    arrived++;
    line.offsets.push(atMs - sentMs);
    if (ahead <= 0) return;
    if (last) {
      lost += ahead - 1;
      skipped += Math.max(0, Math.round((sentMs - last.sentMs) / FRAME_MS) - ahead);
      if (ahead === 1) intervalMs.push(Math.abs(atMs - last.atMs - FRAME_MS));
    }
    line.last = { atMs, sequence, sentMs };
    line.timestamp = timestamp;
  };

  const settle = (line: Line) => {
    const earliest = line.offsets.reduce((least, offset) => Math.min(least, offset), Number.POSITIVE_INFINITY);
    for (const offset of line.offsets) gridMs.push(offset - earliest);
    line.offsets = [];
  };

  const tick = () => {
    const stepMs = FRAME_MS / PHASES;
    while (startMs + turn * stepMs <= performance.now()) {
      lateMs.push(performance.now() - startMs - turn * stepMs);
      const frame = Math.floor(turn / PHASES);
      packet.writeUInt16BE(frame & 0xffff, 2);
      packet.writeUInt32BE((frame * FRAME_BYTES) >>> 0, 4);
      for (const line of phases[turn % PHASES] ?? []) {
        if (line.target === 0) continue;
        packet.writeUInt32BE(line.source, 8);
        line.socket.send(Buffer.from(packet), line.target, "127.0.0.1");
      }
      turn++;
    }
    timer = setTimeout(tick, Math.max(1, startMs + turn * stepMs - performance.now()));
  };

  return {
    async open() {
      const socket = createSocket({ type: "udp4", recvBufferSize: 128 * 1024, lookup: (host, _options, done) => done(null, host, 4) });
      const listening = once(socket, "listening");
      socket.bind(0, "127.0.0.1");
      await listening;
      const line: Line = { socket, target: 0, source: ++opened, last: undefined, timestamp: 0, offsets: [] };
      socket.on("message", (bytes) => hear(line, bytes));
      const phase = phases.reduce((least, one) => (one.size < least.size ? one : least));
      phase.add(line);
      if (!timer) {
        startMs = performance.now();
        turn = 0;
        tick();
      }
      return {
        port: socket.address().port,
        send: (port) => {
          line.target = port;
        },
        close: () => {
          settle(line);
          phase.delete(line);
          socket.close();
          if (phases.some(({ size }) => size > 0)) return;
          clearTimeout(timer);
          timer = undefined;
        },
      };
    },
    measure() {
      for (const phase of phases) {
        for (const line of phase) {
          line.last = undefined;
          line.offsets = [];
        }
      }
      [gridMs, intervalMs, lateMs] = [[], [], []];
      [arrived, lost, skipped] = [0, 0, 0];
    },
    pacing() {
      for (const phase of phases) for (const line of phase) settle(line);
      return { gridMs: spread(gridMs), intervalMs: spread(intervalMs), arrived, lost, skipped, ownLateMs: spread(lateMs) };
    },
  };
}
