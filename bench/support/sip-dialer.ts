import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "./now.ts";
import { audioAt, headerOf, message, readSip, respond } from "./sip-text.ts";

export interface Dialling {
  /** Of loopback. */
  port: number;
  calls: number;
  perSecond: number;
}

const SETTLE_MS = 1_000;

/** Calls a port as a caller does, and is hung up by it: milliseconds from each INVITE to its 180, NaN where none came. */
export async function dialMany({ port, calls, perSecond }: Dialling): Promise<number[]> {
  const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
  const sent: number[] = [];
  const rang = new Array<number>(calls).fill(Number.NaN);
  const request = (method: string, index: number, to: string, body = "") =>
    message(
      `${method} sip:called@127.0.0.1:${port} SIP/2.0`,
      [
        `Via: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK-${method}-${index}`,
        "Max-Forwards: 70",
        `From: <sip:calling@127.0.0.1>;tag=${index}`,
        `To: ${to}`,
        `Call-ID: ${index}-${process.pid}-${socket.address().port}`,
        `CSeq: 1 ${method}`,
        `Contact: <sip:calling@127.0.0.1:${socket.address().port}>`,
        ...(body ? ["Content-Type: application/sdp"] : []),
      ],
      body,
    );
  socket.on("message", (bytes) => {
    const at = now();
    const { method, status, text } = readSip(bytes);
    const index = Number.parseInt(headerOf(text, "Call-ID"), 10);
    if (method !== undefined) socket.send(respond(text, "200 OK"), port, "127.0.0.1");
    else if (status === 180) rang[index] = at - (sent[index] ?? Number.NaN);
    else if (status === 200) socket.send(request("ACK", index, headerOf(text, "To")), port, "127.0.0.1");
  });
  const listening = once(socket, "listening");
  socket.bind(0, "127.0.0.1");
  await listening;
  const began = performance.now();
  for (let index = 0; index < calls; index++) {
    await sleep(Math.max(0, began + (index * 1_000) / perSecond - performance.now()));
    const invite = request("INVITE", index, `<sip:called@127.0.0.1:${port}>`, audioAt(9));
    sent.push(now());
    socket.send(invite, port, "127.0.0.1");
  }
  await sleep(SETTLE_MS);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return rang;
}
