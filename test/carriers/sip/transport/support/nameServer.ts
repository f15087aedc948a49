import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { TestContext } from "node:test";

/** Priority, weight, port, target. */
export type Srv = readonly [priority: number, weight: number, port: number, target: string];

export interface NameServer {
  /** `127.0.0.1:5353`, as `dns.setServers` takes it. */
  readonly address: string;
  /** Names that were asked for, in their order. */
  readonly asked: readonly string[];
}

const NXDOMAIN = 3;
const SRV = 33;

/** A name server on the loopback (RFC 1035 4, RFC 2782). Null: it says nothing to that question; a name that it does not have: NXDOMAIN. */
export async function openNameServer(t: TestContext, zone: Readonly<Record<string, readonly Srv[] | null>>): Promise<NameServer> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const { name, end } = readName(query, 12);
    asked.push(name);
    const records = zone[name];
    if (records === null) return;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (records ? 0 : NXDOMAIN), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records?.length ?? 0, 6);
    const answers = (records ?? []).map(([priority, weight, port, target]) => {
      const data = Buffer.concat([uint16(priority, weight, port), writeName(target)]);
      // The name is that of the question, at 12; class IN; kept for no time.
      return Buffer.concat([uint16(0xc00c, SRV, 1, 0, 0, data.length), data]);
    });
    socket.send(Buffer.concat([head, query.subarray(12, end + 4), ...answers]), from.port, from.address);
  });
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

const uint16 = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));

const writeName = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split(".")
      .filter(Boolean)
      .flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0]),
  ]);

function readName(bytes: Buffer, from: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = from;
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}
