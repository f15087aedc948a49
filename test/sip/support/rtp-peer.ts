import { createSocket } from "node:dgram";
import { once } from "node:events";
import { G711 } from "../../../src/carriers/sip/media/g711.ts";
import { writeRtpHeader } from "../../../src/carriers/sip/media/rtp-packet.ts";
import type { Codec } from "../../../src/core/trunks/trunk.ts";

const TYPES: Readonly<Record<Codec, number>> = { PCMU: 0, PCMA: 8 };

export interface RtpPeer {
  port: number;
  /** What has come, oldest first; `pure`: it is `tone`, decoded as its payload type says. */
  heard: ReadonlyArray<{ payloadType: number; pure: boolean }>;
  /** Says `tone` from now on, in this codec. */
  say(codec: Codec): void;
  quiet(): void;
  close(): void;
}

/** 1 kHz, so that a frame holds 20 whole waves. */
export const tone = (seconds: number): Int16Array =>
  Int16Array.from({ length: 8_000 * seconds }, (_, index) => Math.round(8_000 * Math.sin((2 * Math.PI * index) / 8)));

/** Whether samples are nothing but 1 kHz: with the wrong law they would be far from it. */
export function isTone(samples: ArrayLike<number>): boolean {
  let [sine, cosine, power] = [0, 0, 0];
  for (let index = 0; index < samples.length; index++) {
    const sample = samples[index] ?? 0;
    sine += sample * Math.sin((2 * Math.PI * index) / 8);
    cosine += sample * Math.cos((2 * Math.PI * index) / 8);
    power += sample * sample;
  }
  return power > samples.length * 1_000 ** 2 && (2 * (sine ** 2 + cosine ** 2)) / samples.length / power > 0.95;
}

/** A party for RTP alone, on a port of the loopback that a test puts into an SDP. */
export async function openRtpPeer(): Promise<RtpPeer> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const heard: Array<{ payloadType: number; pure: boolean }> = [];
  let from: { port: number; address: string } | undefined;
  let sequence = 1;
  let timer: NodeJS.Timeout | undefined;
  socket.on("message", (packet, sender) => {
    from = sender;
    const payloadType = (packet[1] ?? 0) & 0x7f;
    const { decode } = payloadType === TYPES.PCMU ? G711.PCMU : G711.PCMA;
    heard.push({ payloadType, pure: isTone(Array.from(packet.subarray(12), (code) => decode[code] ?? 0)) });
  });
  const samples = tone(0.02);
  return {
    port: socket.address().port,
    heard,
    say(codec) {
      clearInterval(timer);
      const payload = Uint8Array.from(samples, (sample) => G711[codec].encode[sample & 0xffff] ?? 0);
      timer = setInterval(() => {
        if (!from) return;
        const packet = Buffer.alloc(12 + payload.length);
        sequence++;
        writeRtpHeader(packet, false, TYPES[codec], sequence & 0xffff, sequence * 160, 0xc0ffee);
        packet.set(payload, 12);
        socket.send(packet, from.port, from.address);
      }, 20);
    },
    quiet: () => clearInterval(timer),
    close() {
      clearInterval(timer);
      socket.close();
    },
  };
}
