import { createSocket } from "node:dgram";
import { once } from "node:events";
import { companding, type Law } from "./companding.ts";

const TYPES: Readonly<Record<Law, number>> = { PCMU: 0, PCMA: 8 };
const LAWS = { PCMU: companding("PCMU"), PCMA: companding("PCMA") };
const FRAME = 160;

/** A packet that has come (RFC 3550 5.1). */
export interface HeardPacket {
  payloadType: number;
  marker: boolean;
  sequence: number;
  timestamp: number;
  ssrc: number;
  /** Decoded as its payload type says. */
  samples: Int16Array;
  /** They are `tone`. */
  pure: boolean;
}

export interface RtpPeer {
  port: number;
  /** What has come, oldest first. */
  heard: readonly HeardPacket[];
  /** Says a sound again and again from now on, in this codec: `tone` when not said. Waits for the first packet, to learn where to. */
  say(law: Law, sound?: Int16Array): void;
  quiet(): void;
  /** How many packets it has sent. */
  said(): number;
  close(): void;
}

/** By default 1 kHz, so that a frame holds 20 whole waves. */
export const tone = (seconds: number, hertz = 1_000): Int16Array =>
  Int16Array.from({ length: 8_000 * seconds }, (_, index) => Math.round(8_000 * Math.sin((2 * Math.PI * index * hertz) / 8_000)));

/** Whether samples are nothing but that tone: with the wrong law they would be far from it. */
export function isTone(samples: ArrayLike<number>, hertz = 1_000): boolean {
  let [sine, cosine, power] = [0, 0, 0];
  for (let index = 0; index < samples.length; index++) {
    const sample = samples[index] ?? 0;
    sine += sample * Math.sin((2 * Math.PI * index * hertz) / 8_000);
    cosine += sample * Math.cos((2 * Math.PI * index * hertz) / 8_000);
    power += sample * sample;
  }
  return power > samples.length * 1_000 ** 2 && (2 * (sine ** 2 + cosine ** 2)) / samples.length / power > 0.95;
}

/** A party for RTP alone, on a port of the loopback that a test puts into an SDP. It has nothing of our own RTP and G.711. */
export async function openRtpPeer(): Promise<RtpPeer> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const heard: HeardPacket[] = [];
  let from: { port: number; address: string } | undefined;
  let sequence = 0;
  let timer: NodeJS.Timeout | undefined;
  socket.on("message", (packet, sender) => {
    from = sender;
    const payloadType = packet.readUInt8(1) & 0x7f;
    const law = payloadType === TYPES.PCMU ? LAWS.PCMU : LAWS.PCMA;
    const samples = Int16Array.from(packet.subarray(12), law.decode);
    heard.push({
      payloadType,
      marker: packet.readUInt8(1) >= 0x80,
      sequence: packet.readUInt16BE(2),
      timestamp: packet.readUInt32BE(4),
      ssrc: packet.readUInt32BE(8),
      samples,
      pure: isTone(samples),
    });
  });
  return {
    port: socket.address().port,
    heard,
    say(law, sound = tone(0.02)) {
      clearInterval(timer);
      const codes = Uint8Array.from(sound, LAWS[law].encode);
      let at = 0;
      timer = setInterval(() => {
        if (!from) return;
        const packet = Buffer.alloc(12 + FRAME);
        sequence++;
        packet.writeUInt8(0x80, 0);
        packet.writeUInt8(TYPES[law], 1);
        packet.writeUInt16BE(sequence & 0xffff, 2);
        packet.writeUInt32BE(sequence * FRAME, 4);
        packet.writeUInt32BE(0xc0ffee, 8);
        for (let index = 0; index < FRAME; index++) packet[12 + index] = codes[(at + index) % codes.length] ?? 0;
        at += FRAME;
        socket.send(packet, from.port, from.address);
      }, 20);
    },
    quiet: () => clearInterval(timer),
    said: () => sequence,
    close() {
      clearInterval(timer);
      socket.close();
    },
  };
}
