import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { pino } from "pino";
import { torture } from "../carriers/sip/torture.ts";
import { seeded } from "../carriers/sip/transport/support/lossyRelay.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { answered, callerHangsUp, invite } from "./support/caller.ts";
import { startLine } from "./support/line.ts";
import { mutate, pick } from "./support/mutate.ts";
import { freePort } from "./support/ports.ts";
import { pause, sdp, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";
import { stayOnLoopback } from "./support/stay-on-loopback.ts";

/**
 * The messages of RFC 4475 and mutations of them, fired at the whole product by somebody who may call: nothing is refused for where
 * it comes from.
 */
const skip = missing("sipp", "espeak-ng");
/** They name places everywhere: a call's Contact, the address of its audio. */
const kept = stayOnLoopback();
const errors: string[] = [];
const log = pino({ level: "error" }, { write: (text: string) => errors.push(text) });
const line = await startLine({}, { log });
const subscriber = await line.subscriber({
  trunk: { gateways: [`udp:127.0.0.1:${await freePort()}`], inboundNetworks: ["127.0.0.0/8"], maxChannels: 2 },
  agent: { max_call_duration_secs: 1 },
});

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** Of transactions, calls, connections and whatever else waits in this process. */
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
/** The database's connections, each of which has one while it is idle, and some of the product's own. Thousands of messages would leave more. */
const IDLE_TIMERS = 30;
const sockets = (): string[] => process.getActiveResourcesInfo().filter((kind) => /UDP|TCP/.test(kind));

const socket = createSocket("udp4").bind(0, "127.0.0.1");
await once(socket, "listening");
after(() => socket.close());
const { port } = socket.address();
/** By Call-ID, in the order they came. */
const answers = new Map<string, string[]>();

socket.on("message", (bytes) => {
  const text = bytes.toString("latin1");
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(text)?.[1] ?? "";
  const list = answers.get(field("Call-ID")) ?? [];
  list.push(text);
  answers.set(field("Call-ID"), list);
  const status = Number(text.slice(8, 11));
  if (status < 200 || !field("CSeq").endsWith(" INVITE")) return;
  // As callers do, so that transactions end: ACK, and BYE for what was answered.
  const contact = /<(.*)>/.exec(field("Contact"))?.[1] ?? "sip:leadline";
  const number = Number.parseInt(field("CSeq"), 10);
  const request = (method: string, sequence: number, via: string) =>
    [
      `${method} ${contact} SIP/2.0`,
      `Via: ${via}`,
      ...["From", "To", "Call-ID"].map((name) => `${name}: ${field(name)}`),
      `CSeq: ${sequence} ${method}`,
      "Max-Forwards: 70",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n");
  const own = () => `SIP/2.0/UDP 127.0.0.1:${port};rport;branch=z9hG4bK${Math.random()}`;
  fire(request("ACK", number, status < 300 ? own() : field("Via")));
  if (status < 300 && !field("Call-ID").startsWith("away")) fire(request("BYE", number + 1, own()));
});

function fire(message: string | Buffer): void {
  socket.send(typeof message === "string" ? Buffer.from(message, "latin1") : message, line.sipPort, "127.0.0.1");
}

/** With something put behind its uppermost Via's branch, or behind that Via. */
function withVia(message: Buffer, more: string): Buffer {
  const text = message.toString("latin1");
  const via = /^(?:Via|v) *:(?:[^\r]|\r\n[ \t])*/im.exec(text)?.[0] ?? "";
  const branch = /branch *=[^;\r\n,]+/;
  return Buffer.from(
    text.replace(via, () => (branch.test(via) ? via.replace(branch, `$&${more}`) : `${via}${more}`)),
    "latin1",
  );
}

/** With `rport` (RFC 3581), so that the answer comes to us and not to the address that is named. */
const withRport = (message: Buffer): Buffer => (message.includes(";rport") ? message : withVia(message, ";rport"));

/** The same as another transaction and another call. */
const another = (message: Buffer): Buffer =>
  Buffer.from(
    withVia(message, ";n=2")
      .toString("latin1")
      .replace(/^(?:Call-ID|i) *:[^\r]*/im, "$&-2")
      .replace(/branch=[^;\r]*/, "$&-2"),
    "latin1",
  );

const callIdOf = (message: Buffer): string => /^(?:Call-ID|i) *: *(.*?)\r$/im.exec(message.toString("latin1"))?.[1] ?? "";
let serial = 0;

/** A sound request to the subscriber's number, new in every respect. */
function sound(method: "INVITE" | "BYE" | "REGISTER" | "OPTIONS"): Buffer {
  const id = ++serial;
  const body = method === "INVITE" ? sdp({ port: "9" }).replaceAll("\n", "\r\n") : "";
  const fields = [
    `${method} sip:${subscriber.number}@127.0.0.1:${line.sipPort} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-sound-${id};rport`,
    "Max-Forwards: 70",
    `From: "Dana" <sip:+14155550${100 + (id % 900)}@127.0.0.1>;tag=t${id}`,
    `To: <sip:${subscriber.number}@127.0.0.1>${method === "BYE" ? ";tag=gone" : ""}`,
    `Call-ID: sound-${id}@127.0.0.1`,
    `CSeq: ${id} ${method}`,
    `Contact: <sip:dana@127.0.0.1:${port}>`,
    "Supported: timer, 100rel",
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${fields.join("\r\n")}\r\n\r\n${body}`, "latin1");
}

/** It still answers what it is asked, in no time: then it has read all that was sent before, too. */
async function alright(what: string): Promise<void> {
  const request = sound("OPTIONS");
  fire(request);
  assert.equal(await statusOf(request, `OPTIONS after ${what}`), 200);
}

async function statusOf(request: Buffer, what: string): Promise<number> {
  const [answer = ""] = await until(() => answers.get(callIdOf(request)), { what: `an answer to ${what}` });
  return Number(answer.slice(8, 11));
}

/** What else is right here, as the messages are for nobody whom this line knows; RFC 4475 leaves it open. */
const HERE: Readonly<Record<string, readonly number[]>> = {
  // Its To has a tag: it is for a call that is not there (RFC 3261 12.2.2).
  wsinv: [481],
  esc01: [404],
  longreq: [404],
  baddate: [404],
  // It has no Contact (RFC 3261 8.1.1.8).
  inv2543: [400],
};

/** Where a message ends on a stream is unknown: it is closed. RFC 4475 leaves it open whether with an answer. */
const UNFRAMED: ReadonlySet<string> = new Set(["ncl", "mcl01", "inv2543"]);

/** What each message is answered with; nothing when it is a response. */
const expected = torture.map(({ name, section, bytes, parser, answers: said }) => ({
  name: `${name} (RFC 4475 ${section})`,
  bytes: withRport(bytes),
  right: parser === "drop" || bytes.toString("latin1").startsWith("SIP/2.0") ? [] : (said ?? HERE[name] ?? []),
  unframed: UNFRAMED.has(name),
  /** It says that it is longer than it is. */
  endless: name === "clerr",
}));

/** Sends on a connection of its own, and reads until it has been answered, or the connection is closed. */
async function exchange(pieces: readonly Buffer[], answered: (text: string) => boolean): Promise<string> {
  const connection = connect(line.sipPort, "127.0.0.1");
  let text = "";
  let closed = false;
  connection.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  // A connection that is closed while we still write.
  connection.on("error", () => undefined);
  connection.on("close", () => {
    closed = true;
  });
  for (const piece of pieces) connection.write(piece);
  await until(() => closed || answered(text), { what: `the end of an exchange over TCP, after ${text.slice(0, 300)}` });
  connection.destroy();
  return closed ? `${text}closed` : text;
}

const MUTATIONS = { udp: 10_000, tcp: 3_000 };
const random = seeded(4_475);
const METHODS = ["INVITE", "BYE", "REGISTER", "OPTIONS"] as const;

/** Half of them of RFC 4475's messages, half of sound ones. */
function mutation(): Buffer {
  const any = () => (random() < 0.5 ? pick(expected, random).bytes : sound(pick(METHODS, random)));
  return mutate(any(), any(), random);
}

describe("a line under fire", { skip, concurrency: false }, () => {
  let atRest = 0;
  let socketsAtRest: string[] = [];
  let heap = 0;

  test("each message of RFC 4475 gets its answer over UDP", async () => {
    // Before the line knows of the trunk, we are a stranger.
    await until(async () => {
      const nobody = Buffer.from(sound("INVITE").toString("latin1").replaceAll(subscriber.number, "+972559999999"), "latin1");
      fire(nobody);
      return (await statusOf(nobody, "the first INVITE")) === 404;
    });
    [atRest, socketsAtRest] = [timers(), sockets()];
    for (const { bytes } of expected) fire(bytes);
    await alright("the torture");
    for (const { name, bytes, right } of expected) {
      if (right.length === 0) assert.equal(answers.get(callIdOf(bytes)), undefined, name);
      else {
        const status = await statusOf(bytes, name);
        assert.ok(right.includes(status), `${name}: ${status}, not ${right}`);
      }
    }
  });

  test("a call that leads away from here stays here", async () => {
    const away = sound("INVITE")
      .toString("latin1")
      .replace("Call-ID: ", "Call-ID: away")
      .replace("c=IN IP4 127.0.0.1", "c=IN IP4 192.0.2.1")
      .replace(/^Contact: .*\r$/m, "Contact: <sip:dana@pbx.example.com>\r");
    fire(away);
    // Its audio, and the BYE of an agent who has a second.
    await until(() => kept.addresses.has("192.0.2.1") && kept.names.has("pbx.example.com"), { what: JSON.stringify([...kept.names]) });
  });

  test("each message of RFC 4475 gets its answer over TCP, or the connection is closed", async () => {
    const all = expected.map(async ({ name, bytes, right, unframed, endless }) => {
      if (endless) return;
      // What is answered by nothing: then what comes behind it is.
      const behind = right.length === 0 ? [sound("OPTIONS")] : [];
      const text = await exchange([another(bytes), ...behind], (said) => !unframed && said.includes("\r\n\r\n"));
      const status = Number(text.slice(8, 11));
      if (unframed) assert.ok(text.endsWith("closed"), name);
      else assert.ok((right.length === 0 ? [200] : right).includes(status), `${name}: ${text.slice(0, 100)}, not ${right}`);
    });
    await Promise.all(all);
    await alright("the torture over TCP");
  });

  test(`${MUTATIONS.udp} mutations over UDP: it goes on answering`, async () => {
    for (let sent = 0; sent < MUTATIONS.udp; sent += 100) {
      for (let index = 0; index < 100; index++) fire(mutation());
      await alright(`${sent + 100} mutations`);
      answers.clear();
      // What is made once, by the first of all kinds (code, statements, connections), is nothing that piles up.
      if (sent === MUTATIONS.udp / 5) heap = heapBytes();
    }
  });

  test(`${MUTATIONS.tcp} mutations over TCP, ten on a connection, in pieces: it goes on answering`, async () => {
    for (let sent = 0; sent < MUTATIONS.tcp; sent += 300) {
      await Promise.all(Array.from({ length: 30 }, pour));
      await alright(`${sent + 300} mutations over TCP`);
      answers.clear();
    }
  });

  test("afterwards a call goes through as ever, and no transaction, socket or call is left of it all", async () => {
    // Mutations may have been calls, and hold its two channels as long as they are not acknowledged.
    await until(async () => (await subscriber.calls()).every(({ status }) => status === "ended"), {
      what: "the end of all calls",
      withinMs: 40_000,
    });
    const scenario = steps(invite({ number: "+14155559999" }), answered(), pause(300), callerHangsUp());
    const caller = await startSipp({ scenario, remote: `127.0.0.1:${line.sipPort}`, service: subscriber.number });
    await caller.succeeded();
    const call = await until(async () =>
      (await subscriber.calls()).find(({ from_number, ended_at }) => from_number === "+14155559999" && ended_at),
    );
    assert.equal(call.outcome, "completed");
    // 64*T1 is 32 s (RFC 3261 17.2): until then an answer that nobody acknowledged is kept.
    await until(() => timers() <= atRest + IDLE_TIMERS, {
      what: `the end of the last of ${timers()} timers (${atRest} at rest)`,
      withinMs: 40_000,
    });
    // A mutation may have said that we are to call back over TCP, to where nobody answers.
    await until(() => isDeepStrictEqual(sockets(), socketsAtRest), {
      what: `only ${socketsAtRest} after ${sockets()}, the sockets`,
      withinMs: 20_000,
    });
    const grownBytes = heapBytes() - heap;
    assert.ok(grownBytes < 5_000_000, `the heap grew by ${grownBytes} bytes`);
    assert.ok((await subscriber.calls()).length > 5, "some mutations are calls");
    assert.deepEqual(errors, []);
  });
});

/** Mutations on a connection that we close when all is written: then it is closed from the other side too. */
async function pour(): Promise<void> {
  const bytes = Buffer.concat(Array.from({ length: 10 }, mutation));
  const connection = connect(line.sipPort, "127.0.0.1");
  connection.on("error", () => undefined);
  connection.resume();
  const closed = new Promise((resolve) => connection.once("close", resolve));
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Math.floor(random() * 2_000);
    connection.write(bytes.subarray(at, end));
    at = end;
  }
  connection.end();
  await closed;
}
