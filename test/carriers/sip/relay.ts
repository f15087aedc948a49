import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { seededRandom } from "../../../src/carriers/simulator/random.ts";

/** A bad network between two UDP ports of this machine, the same one for the same seed. */
export interface Relay {
  /** Where A sends to reach B, and where B sends to reach A; each hears the other from there. */
  readonly forA: number;
  readonly forB: number;
  /** Says where a party listens; without it, it is where its first packet came from. */
  a: Party | undefined;
  b: Party | undefined;
  readonly count: { passed: number; dropped: number; reordered: number };
  close(): Promise<void>;
}

export interface Party {
  address: string;
  port: number;
}

export interface RelayOptions {
  seed: string;
  a?: Party;
  b?: Party;
  /** Share of packets lost, 0 to 1. */
  loss?: number;
  /** Every packet is late by this, plus anything up to `jitterMs`, in order. */
  delayMs?: number;
  jitterMs?: number;
  /** Share of packets that are held back until later ones have passed, by `reorderMs` (50). */
  reorder?: number;
  reorderMs?: number;
  /** Time of the test; the real one when not said. */
  clock?: RelayClock;
}

export interface RelayClock {
  now(): number;
  after(ms: number, callback: () => void): () => void;
}

const realClock: RelayClock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export async function openRelay(options: RelayOptions): Promise<Relay> {
  const { seed, loss = 0, delayMs = 0, jitterMs = 0, reorder = 0, reorderMs = 50, clock = realClock } = options;
  const [faceA, faceB] = await Promise.all([bound(), bound()]);
  const waiting = new Set<() => void>();
  const count = { passed: 0, dropped: 0, reordered: 0 };

  const carry = (direction: "a-to-b" | "b-to-a", target: () => Party | undefined, from: Socket) => {
    const random = seededRandom(`${seed} ${direction}`);
    let lastMs = 0;
    return (packet: Buffer) => {
      // Always three numbers a packet, so that what happens to one does not depend on those before it.
      const [lost, late, held] = [random() < loss, random() * jitterMs, random() < reorder];
      if (lost) {
        count.dropped++;
        return;
      }
      const now = clock.now();
      let dueMs = now + delayMs + late;
      if (held) {
        count.reordered++;
        dueMs += reorderMs;
      } else {
        dueMs = Math.max(dueMs, lastMs);
        lastMs = dueMs;
      }
      const pass = () => {
        const party = target();
        if (!party) return;
        count.passed++;
        from.send(packet, party.port, party.address);
      };
      const waitMs = Math.round(dueMs - now);
      if (waitMs <= 0) return pass();
      const cancel = clock.after(waitMs, () => {
        waiting.delete(cancel);
        pass();
      });
      waiting.add(cancel);
    };
  };

  const relay: Relay = {
    forA: faceA.address().port,
    forB: faceB.address().port,
    a: options.a,
    b: options.b,
    count,
    async close() {
      for (const cancel of waiting) cancel();
      await Promise.all([faceA, faceB].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
  const toB = carry("a-to-b", () => relay.b, faceB);
  const toA = carry("b-to-a", () => relay.a, faceA);
  faceA.on("message", (packet, { address, port }) => {
    relay.a ??= { address, port };
    toB(packet);
  });
  faceB.on("message", (packet, { address, port }) => {
    relay.b ??= { address, port };
    toA(packet);
  });
  return relay;
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
