import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { createUserAgent } from "../../../src/carriers/sip/createUserAgent.ts";
import type { Timing } from "../../../src/carriers/sip/dialog/timing.ts";
import type { EndpointHandler, Protocol, Target } from "../../../src/carriers/sip/endpoint.ts";
import type { SipRequest } from "../../../src/carriers/sip/message/message.ts";
import { type EndpointOptions, openEndpoint } from "../../../src/carriers/sip/openEndpoint.ts";
import type { IncomingInvite } from "../../../src/carriers/sip/user-agent.ts";
import { until } from "../../support/until.ts";
import { AUDIO, handTiming, heard, openWorld } from "./dialog/world.ts";
import { address, LOOPBACK, sdp, tagOf } from "./peer.ts";
import { withAuthority } from "./transport/support/certificates.ts";
import { hear, log, open, targetOf } from "./transport/support/endpoints.ts";
import { makeRequest } from "./transport/support/messages.ts";
import { headerOf, rawRequest, rawResponse } from "./transport/support/rawPeer.ts";

/** Requests within a call, where Contact and Record-Route alone do not lead back. */

const NAME = "sip.example.com";
const pems = withAuthority((authority) => ({ ca: authority.ca, ...authority.issue(`DNS:${NAME}`) }));
const resolver = { resolve: (host: string) => (host === NAME ? [LOOPBACK] : [host]) };

async function openAgent(
  t: TestContext,
  options: Partial<EndpointOptions>,
  incoming: (invite: IncomingInvite) => void = () => {},
  timing?: Timing,
) {
  const agent = await createUserAgent({
    open: (handler: EndpointHandler) => openEndpoint({ listen: [], log, resolver, ...options }, handler),
    incoming,
    log,
    ...(timing && { timing }),
  });
  t.after(() => agent.endpoint.close());
  const call = (target: Target) => {
    const told = heard();
    const parties = { uri: address(`<sip:1@${NAME}>`).uri, from: address(`<sip:2@${NAME}>`), to: address(`<sip:1@${NAME}>`) };
    const limits = { ringTimeoutMs: 20_000, firstResponseTimeoutMs: 4_000 };
    return { ...told, call: agent.invite({ target, ...parties, media: told.media, audio: AUDIO, ...limits }, told.handler) };
  };
  return { agent, call };
}

test("a gateway that is called by its name over TLS, and is an address in its Record-Route: the same connection (RFC 5923)", async (t) => {
  const requests: SipRequest[] = [];
  const acks: SipRequest[] = [];
  let port = 0;
  const gateway = await open(
    t,
    {
      request: (transaction) => {
        requests.push(transaction.request);
        const route = ["Record-Route", `<sip:${LOOPBACK}:${port};transport=tls;lr>`] as const;
        const contact = ["Contact", "<sip:switch@192.0.2.77:5060>"] as const;
        transaction.respond({ status: 200, headers: [route, contact], body: { type: "application/sdp", content: sdp() } });
      },
      ack: (ack) => acks.push(ack),
    },
    { listen: [{ protocol: "tls", address: LOOPBACK, port: 0 }], tls: pems },
  );
  port = targetOf(gateway, "tls").port;
  const { call } = await openAgent(t, { tls: { ca: pems.ca } });
  const placed = call({ protocol: "tls", host: NAME, port });
  await until(() => acks.length > 0, { what: "the ACK" });
  assert.equal(gateway.size.connections, 1);
  placed.call.hangup();
  await placed.ended();
  assert.deepEqual(
    requests.map((request) => request.method),
    ["INVITE", "BYE"],
  );
});

test("a gateway calls on the TLS connection that we opened to its name, where we do not listen for TLS: all of the call is on it", async (t) => {
  const listen = (["udp", "tcp"] as const).map((protocol) => ({ protocol, address: LOOPBACK, port: 0 }));
  const invites: IncomingInvite[] = [];
  const here = await openAgent(t, { listen, tls: { ca: pems.ca } }, (invite) => invites.push(invite));
  const gateway = await openAgent(t, { listen: [{ protocol: "tls", address: LOOPBACK, port: 0 }], tls: pems });
  const { port } = gateway.agent.endpoint.listening[0] ?? { port: 0 };
  const target: Target = { protocol: "tls", host: NAME, port };
  const met = hear();
  here.agent.endpoint.request(makeRequest("OPTIONS"), target, met);
  await met.end;
  const placed = gateway.call(await here.agent.endpoint.reachableAt(target));
  const invite = await until(() => invites[0]);
  const told = heard();
  const taken = invite.accept({ media: told.media, audio: { ...AUDIO, port: 31_000 } }, told.handler);
  await until(() => placed.told.includes("answered"));
  taken.hangup();
  assert.equal((await told.ended()).why, "bye_sent");
  assert.equal((await placed.ended()).why, "bye_received");
});

/** Takes connections, and hands them over. */
async function openPort(t: TestContext, connected: (socket: Socket) => void): Promise<Target & { port: number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    connected(socket);
  }).listen(0, LOOPBACK);
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { protocol: "tls", host: NAME, port: (server.address() as AddressInfo).port };
}

test("a gateway that takes connections and speaks no TLS costs a call no more time than one that is silent", async (t) => {
  const target = await openPort(t, () => {});
  const time = handTiming();
  const { call } = await openAgent(t, {}, undefined, time.timing);
  const placed = call(target);
  time.advance(4_000);
  const { why, detail } = await placed.ended();
  assert.deepEqual([why, detail], ["unreachable", "no answer of any kind within 4 s"]);
});

test("a gateway that is slow to speak TLS is told our end of its connection, where we do not listen for TLS", async (t) => {
  const gateway = await openAgent(t, { listen: [{ protocol: "tls", address: LOOPBACK, port: 0 }], tls: pems });
  const opened: Array<number | undefined> = [];
  const target = await openPort(t, (socket) => {
    opened.push(socket.remotePort);
    const slow = setTimeout(() => {
      const behind = connect(gateway.agent.endpoint.listening[0]?.port ?? 0, LOOPBACK).on("error", () => {});
      t.after(() => behind.destroy());
      socket.pipe(behind).pipe(socket);
    }, 2_500);
    socket.on("close", () => clearTimeout(slow));
  });
  const here = await openAgent(t, { tls: { ca: pems.ca } });
  const told = async () => opened.includes((await here.agent.endpoint.reachableAt(target)).port);
  let times = 0;
  // Again when this machine was slow as well.
  while (!(await told())) assert.ok(++times < 5, "another port");
});

for (const protocol of ["tcp", "tls"] satisfies Protocol[]) {
  test(`a caller that connects over ${protocol} and cannot be connected to: requests go on its own connection (RFC 5923)`, async (t) => {
    const invites: IncomingInvite[] = [];
    const listen = [{ protocol, address: LOOPBACK, port: 0 }];
    const callee = await openAgent(t, { listen, tls: pems }, (invite) => invites.push(invite));
    // It listens nowhere, and says in Contact a port at which nobody is.
    const caller = await openAgent(t, { tls: { ca: pems.ca } });
    const port = callee.agent.endpoint.listening[0]?.port ?? 0;
    const placed = caller.call({ protocol, host: protocol === "tls" ? NAME : LOOPBACK, port });
    const invite = await until(() => invites[0]);
    const told = heard();
    const taken = invite.accept({ media: told.media, audio: { ...AUDIO, port: 31_000 } }, told.handler);
    await until(() => placed.told.includes("answered"));
    taken.hangup();
    assert.equal((await told.ended()).why, "bye_sent");
    assert.equal((await placed.ended()).why, "bye_received");
  });
}

/** A caller over TCP that says and hears text, on as many connections as it likes, and can be connected to at none of them. */
async function openCaller(t: TestContext, limits: EndpointOptions["limits"] = {}) {
  const told = heard();
  const calls: Array<{ hangup(): void }> = [];
  const { agent } = await openAgent(t, { listen: [{ protocol: "tcp", address: LOOPBACK, port: 0 }], limits }, (invite) =>
    calls.push(invite.accept({ media: told.media, audio: AUDIO }, told.handler)),
  );
  const port = agent.endpoint.listening[0]?.port ?? 0;

  async function dial() {
    const socket = connect(port, LOOPBACK);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    await new Promise((resolve) => socket.on("connect", resolve));
    return {
      socket,
      closed: new Promise((resolve) => socket.on("close", resolve)),
      say: (message: string) => void socket.write(message),
      next: (start: string) =>
        until(() => text.includes("\r\n\r\n") && text.includes(start) && text.slice(text.indexOf(start)), { what: start }),
    };
  }

  const request = (method: string, sequence: number, to?: string, body = "") =>
    rawRequest(
      { port: 9 },
      {
        method,
        sequence,
        via: `SIP/2.0/TCP ${LOOPBACK}:9`,
        branch: `;branch=z9hG4bK${method}${sequence}`,
        extra: [`Contact: <sip:phone@${LOOPBACK}:9;transport=tcp>`, "Content-Type: application/sdp"],
        body,
        ...(to === undefined ? {} : { to }),
      },
    );

  /** Calls us on a connection of its own. */
  async function call() {
    const connection = await dial();
    connection.say(request("INVITE", 1, undefined, sdp()));
    const to = headerOf(await connection.next("SIP/2.0 200"), "To") ?? "";
    connection.say(request("ACK", 1, to));
    await until(() => told.presence.includes("there"), { what: "the ACK" });
    return { connection, to };
  }

  async function hungUpOn({ next, say }: Awaited<ReturnType<typeof dial>>) {
    calls[0]?.hangup();
    say(rawResponse(await next("BYE "), 200, ""));
    assert.equal((await told.ended()).why, "bye_sent");
  }

  return { dial, request, call, hungUpOn };
}

test("a caller over TCP that connects anew is met on the connection of its last request", async (t) => {
  const { dial, request, call, hungUpOn } = await openCaller(t);
  const { connection, to } = await call();
  connection.socket.destroy();
  await connection.closed;
  const next = await dial();
  next.say(request("UPDATE", 2, to));
  await next.next("SIP/2.0 200");
  await hungUpOn(next);
});

test("the connection of a caller who says nothing for long stays open as long as the call, others do not", async (t) => {
  const { dial, request, call, hungUpOn } = await openCaller(t, { idleMs: 1_500 });
  const { connection } = await call();
  for (const sequence of [3, 4]) {
    const idle = await dial();
    idle.say(request("OPTIONS", sequence));
    await idle.closed;
  }
  await hungUpOn(connection);
  await connection.closed;
});

test("a caller over UDP whose port changes is met at the port of its last request", async (t) => {
  const world = await openWorld(t);
  const { peer, port, invites } = world;
  const contact = address(`<sip:phone@${LOOPBACK}>`);
  const invite = peer.ask(port, {
    method: "INVITE",
    uri: address(`<sip:1@${LOOPBACK}:${port}>`).uri,
    from: address(`<sip:phone@${LOOPBACK}>;tag=caller`),
    to: address(`<sip:1@${LOOPBACK}>`),
    body: sdp(),
    contact,
  });
  const told = heard();
  const call = (await until(() => invites.shift())).accept({ media: told.media, audio: AUDIO }, told.handler);
  const answer = await peer.response(invite);
  peer.ack(invite, answer, port);
  await until(() => told.presence.includes("there"), { what: "the ACK" });
  const later = await world.newPeer();
  const within = { uri: invite.uri, from: invite.from, callId: invite.callId, contact };
  // Who does not know the call's tags, or comes too late, is believed nothing.
  const [stranger, late] = [await world.newPeer(), await world.newPeer()];
  const ask = (from: typeof peer, sequence: number, tag = tagOf(answer.to)) =>
    from.response(from.ask(port, { ...within, method: "INFO", sequence, to: address(`<sip:1@${LOOPBACK}>;tag=${tag}`) }));
  assert.equal((await ask(later, 5)).status, 200);
  assert.equal((await ask(stranger, 6, "guessed")).status, 481);
  assert.equal((await ask(late, 4)).status, 500);
  call.hangup();
  later.respond(await later.request("BYE"), 200);
  assert.equal((await told.ended()).why, "bye_sent");
});
