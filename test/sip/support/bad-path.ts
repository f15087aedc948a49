import { createSocket } from "node:dgram";
import { once } from "node:events";
import { openRelay, type Relay, type RelayOptions } from "../../carriers/sip/relay.ts";

/** A way to a phone over a bad network, which only the audio notices. */
export interface BadPath {
  /** Our gateway; it passes SIP on to the phone. */
  port: number;
  rtp: Relay;
  close(): Promise<void>;
}

/**
 * Passes SIP over UDP on to a phone on loopback, putting relays into the session descriptions (RFC 4566 5.14, RFC 3605), so that RTP
 * takes the way that `network` describes. RTCP takes as long, but nothing of it is lost: the reports are what is measured with.
 */
export async function openBadPath(phonePort: number, network: RelayOptions): Promise<BadPath> {
  const { seed, delayMs = 0 } = network;
  const [rtp, rtcp] = await Promise.all([openRelay(network), openRelay({ seed: `${seed} rtcp`, delayMs })]);
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  let ours: number | undefined;
  socket.on("message", (bytes, { port }) => {
    const fromPhone = port === phonePort;
    if (!fromPhone) ours = port;
    const text = withAudioAt(bytes.toString(), (rtpPort, rtcpPort) => {
      rtp[fromPhone ? "b" : "a"] = { address: "127.0.0.1", port: rtpPort };
      rtcp[fromPhone ? "b" : "a"] = { address: "127.0.0.1", port: rtcpPort };
      return fromPhone ? [rtp.forA, rtcp.forA] : [rtp.forB, rtcp.forB];
    });
    const target = fromPhone ? ours : phonePort;
    if (target !== undefined) socket.send(text, target, "127.0.0.1");
  });
  return {
    port: socket.address().port,
    rtp,
    async close() {
      socket.close();
      await Promise.all([once(socket, "close"), rtp.close(), rtcp.close()]);
    },
  };
}

/** The message with other ports in its session description. */
function withAudioAt(message: string, move: (rtp: number, rtcp: number) => readonly [rtp: number, rtcp: number]): string {
  const [head = "", ...rest] = message.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  const at = Number(/^m=audio (\d+) /m.exec(body)?.[1]);
  if (!at) return message;
  const [rtp, rtcp] = move(at, Number(/^a=rtcp:(\d+)/m.exec(body)?.[1] ?? at + 1));
  const moved = `${body.replace(/^a=rtcp:.*\r\n/m, "").replace(/^m=audio \d+ /m, `m=audio ${rtp} `)}a=rtcp:${rtcp}\r\n`;
  return `${head.replace(/^(Content-Length|l):.*$/im, `Content-Length: ${Buffer.byteLength(moved)}`)}\r\n\r\n${moved}`;
}
