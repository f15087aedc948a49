import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { EndpointHandler, ServerTransaction } from "../../../../src/carriers/sip/endpoint.ts";
import { until } from "../../../support/until.ts";
import { hear, OBLIGING, open, targetOf } from "./support/endpoints.ts";
import { makeRequest } from "./support/messages.ts";
import { headerOf, rawRequest, rawResponse } from "./support/rawPeer.ts";

const LISTEN = [{ protocol: "tcp" as const, address: "127.0.0.1", port: 0 }];

/** A TCP client or server socket with what it has heard. */
function listenTo(t: TestContext, socket: Socket): { socket: Socket; heard(): string; closed: Promise<unknown> } {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString();
  });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  return { socket, heard: () => text, closed: new Promise((resolve) => socket.on("close", resolve)) };
}

async function dial(t: TestContext, port: number) {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve) => socket.on("connect", resolve));
  return listenTo(t, socket);
}

/** A TCP server of plain text. */
async function serve(t: TestContext, connected: (one: ReturnType<typeof listenTo>, count: number) => void) {
  let count = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    count += 1;
    sockets.push(socket);
    connected(listenTo(t, socket), count);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  t.after(close);
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no address");
  return { target: { protocol: "tcp" as const, host: "127.0.0.1", port: address.port }, count: () => count, close };
}

const tcpRequest = (port: number, more: Parameters<typeof rawRequest>[1] = {}) =>
  rawRequest({ port }, { via: `SIP/2.0/TCP 127.0.0.1:${port}`, ...more });
const answers = (text: string) => text.split("SIP/2.0 200").length - 1;

test("messages that are split and merged on the way are read one by one (18.3)", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN });
  const peer = await dial(t, targetOf(server, "tcp").port);
  const text = [1, 2, 3].map((i) => tcpRequest(5060, { branch: `;branch=z9hG4bK${i}`, callId: `${i}`, body: "hello" })).join("");
  for (const piece of text.match(/[\s\S]{1,97}/g) ?? []) {
    await new Promise((resolve) => peer.socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => answers(peer.heard()) === 3);
  peer.socket.write(`\r\n\r\n${text.replaceAll("z9hG4bK", "z9hG4bKagain").replaceAll("Call-ID: ", "Call-ID: x")}`);
  await until(() => answers(peer.heard()) === 6);
});

test("a keep-alive is answered with one CR LF (RFC 5626 4.4.1)", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN });
  const peer = await dial(t, targetOf(server, "tcp").port);
  peer.socket.write("\r\n\r\n");
  await until(() => peer.heard() === "\r\n");
});

test("thousands of keep-alives at once are answered once; who goes on like that is closed (RFC 5626 4.4.1)", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN });
  const peer = await dial(t, targetOf(server, "tcp").port);
  peer.socket.write(`${"\r\n\r\n".repeat(10_000)}${tcpRequest(5060)}`);
  await until(() => answers(peer.heard()) === 1);
  const pongs = peer.heard().indexOf("SIP/2.0") / 2;
  assert.ok(pongs >= 1 && pongs < 20, `${pongs} answers`);
  let isOpen = true;
  void peer.closed.then(() => {
    isOpen = false;
  });
  await until(() => {
    peer.socket.write("\r\n\r\n");
    return !isOpen;
  });
});

test("of requests that come all at once some are answered, then others have their turn", async (t) => {
  let handled = 0;
  let inTurn = 0;
  let most = 0;
  const handler: EndpointHandler = {
    ...OBLIGING,
    request: (transaction) => {
      handled += 1;
      inTurn += 1;
      most = Math.max(most, inTurn);
      OBLIGING.request(transaction);
    },
  };
  const server = await open(t, handler, { listen: LISTEN });
  const turns = () => {
    inTurn = 0;
    turn = setImmediate(turns);
  };
  let turn = setImmediate(turns);
  t.after(() => clearImmediate(turn));
  const peer = await dial(t, targetOf(server, "tcp").port);
  const all = Array.from({ length: 500 }, (_, id) => tcpRequest(5060, { branch: `;branch=z9hG4bK${id}`, callId: `${id}` }));
  peer.socket.write(all.join(""));
  await until(() => answers(peer.heard()) === all.length, { what: "all answers" });
  assert.equal(handled, all.length);
  // What is read at the end of a turn and at the beginning of the next one may be counted together.
  assert.ok(most <= 32, `${most} in one turn`);
});

test("who does not read our answers is not read any more until it does; nothing is lost", async (t) => {
  let handled = 0;
  const content = "x".repeat(60_000);
  const handler: EndpointHandler = {
    ...OBLIGING,
    request: (transaction) => {
      handled += 1;
      transaction.respond({ status: 200, body: { type: "text/plain", content } });
    },
  };
  const server = await open(t, handler, { listen: LISTEN });
  const socket = connect(targetOf(server, "tcp").port, "127.0.0.1");
  t.after(() => socket.destroy());
  let closed = false;
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  const count = 400;
  for (let id = 0; id < count; id++) {
    socket.write(tcpRequest(5060, { branch: `;branch=z9hG4bK${id}`, callId: `${id}`, body: content }));
  }
  let before = 0;
  let looks = 0;
  await until(() => {
    looks = handled > 0 && handled === before ? looks + 1 : 0;
    before = handled;
    return closed || looks === 50;
  });
  assert.ok(handled < count && !closed, `${handled} answered, ${closed ? "closed" : "open"}`);
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1").replaceAll("x", "");
  });
  await until(() => answers(text) === count, { what: "all answers", withinMs: 30_000 });
});

test("we send keep-alives on what we have opened, and close it when nothing is said on it for long", async (t) => {
  const opened = async (limits: { keepAliveMs: number; idleMs?: number }) => {
    const other = Promise.withResolvers<ReturnType<typeof listenTo>>();
    const server = await serve(t, other.resolve);
    const client = await open(t, {}, { listen: [], limits });
    client.request(makeRequest("OPTIONS"), server.target, hear());
    return { client, connection: await other.promise };
  };
  const kept = await opened({ keepAliveMs: 20 });
  await until(() => kept.connection.heard().endsWith("\r\n\r\n\r\n\r\n\r\n\r\n"), { what: "two keep-alives" });
  const { client, connection } = await opened({ keepAliveMs: 20, idleMs: 200 });
  await connection.closed;
  await until(() => client.size.connections === 0);
});

test("what is no SIP, too slow, or silent from the start is closed", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN, limits: { messageMs: 500 } });
  const { port } = targetOf(server, "tcp");
  const noise = await dial(t, port);
  noise.socket.write("GET / HTTP/1.1\r\n\r\n");
  const slow = await dial(t, port);
  slow.socket.write(tcpRequest(5060));
  await until(() => answers(slow.heard()) === 1);
  slow.socket.write("OPTIONS sip:");
  slow.socket.write("x SIP/2.0\r\n");
  // What is begun behind a whole message, too.
  const behind = await dial(t, port);
  behind.socket.write(`${tcpRequest(5060)}OPTIONS sip:x`);
  const silent = await dial(t, port);
  await Promise.all([noise.closed, slow.closed, behind.closed, silent.closed]);
  await until(() => server.size.connections === 0);
});

test("no more connections than allowed, from one source and in all", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN, limits: { perSource: 2 } });
  const { port } = targetOf(server, "tcp");
  const [one] = [await dial(t, port), await dial(t, port)];
  await until(() => server.size.connections === 2);
  const third = await dial(t, port);
  await third.closed;
  one.socket.destroy();
  await until(() => server.size.connections === 1);
  const fourth = await dial(t, port);
  fourth.socket.write(tcpRequest(5060));
  await until(() => answers(fourth.heard()) === 1);
});

test("when all connections are taken, the stranger who has said nothing for longest makes room, never one whose call was taken", async (t) => {
  const taking: EndpointHandler = {
    ...OBLIGING,
    request: (transaction) => transaction.respond({ status: 200, stateless: transaction.request.method !== "INVITE" }),
  };
  const server = await open(t, taking, { listen: LISTEN, limits: { total: 3 }, trusts: () => false });
  const { port } = targetOf(server, "tcp");
  let serial = 0;
  const ask = async (peer: Awaited<ReturnType<typeof dial>>, method: string) => {
    const before = answers(peer.heard());
    serial += 1;
    peer.socket.write(tcpRequest(5060, { method, branch: `;branch=z9hG4bKroom${serial}`, callId: `room${serial}` }));
    await until(() => answers(peer.heard()) > before, { what: `an answer to ${method}` });
  };
  const dialFrom = async (localAddress: string) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    await new Promise((resolve) => socket.on("connect", resolve));
    return listenTo(t, socket);
  };
  const caller = await dialFrom("127.0.0.2");
  await ask(caller, "INVITE");
  const idle = await dial(t, port);
  await ask(idle, "OPTIONS");
  const busy = await dial(t, port);
  await ask(busy, "OPTIONS");
  const fourth = await dial(t, port);
  await until(() => idle.socket.destroyed);
  await ask(fourth, "OPTIONS");
  await ask(busy, "OPTIONS");
  const fifth = await dial(t, port);
  await until(() => fourth.socket.destroyed);
  for (const peer of [caller, busy, fifth]) await ask(peer, "OPTIONS");
});

test("an answer whose connection is gone goes over a new one to the Via's port (18.2.2)", async (t) => {
  const transactions: ServerTransaction[] = [];
  const server = await open(t, { request: (transaction) => void transactions.push(transaction) }, { listen: LISTEN });
  const second = Promise.withResolvers<ReturnType<typeof listenTo>>();
  const back = await serve(t, second.resolve);
  const peer = await dial(t, targetOf(server, "tcp").port);
  peer.socket.write(tcpRequest(back.target.port, { method: "INVITE" }));
  await until(() => transactions.length === 1);
  peer.socket.destroy();
  await until(() => server.size.connections === 0);
  transactions[0]?.respond({ status: 200 });
  const connection = await second.promise;
  await until(() => answers(connection.heard()) >= 2, { what: "the 2xx, and again" });
});

test("an answer that cannot be sent is told to who gave it", async (t) => {
  const failed = Promise.withResolvers<string>();
  const transactions: ServerTransaction[] = [];
  const server = await open(t, { request: (transaction) => void transactions.push(transaction) }, { listen: LISTEN });
  const peer = await dial(t, targetOf(server, "tcp").port);
  peer.socket.write(tcpRequest(9, { method: "INVITE" }));
  await until(() => transactions.length === 1);
  peer.socket.destroy();
  await until(() => server.size.connections === 0);
  const [transaction] = transactions;
  assert.ok(transaction);
  transaction.handler = { failed: (failure) => failed.resolve(failure.detail) };
  transaction.respond({ status: 200 });
  assert.equal(await failed.promise, "connection refused");
});

test("a connection that was idle and turns out dead is replaced once; the request comes through", async (t) => {
  const server = await serve(t, (one, count) => {
    one.socket.on("data", (chunk) => {
      const request = chunk.toString();
      // The first connection answers once and dies at the next request, as behind a NAT that has forgotten it.
      if (count === 1 && headerOf(request, "CSeq") === "2 OPTIONS") one.socket.resetAndDestroy();
      else one.socket.write(rawResponse(request, 200, "bob"));
    });
  });
  const client = await open(t, {}, { listen: [] });
  for (const sequence of [1, 2]) {
    const heard = hear();
    client.request(makeRequest("OPTIONS", { cseq: { sequence, method: "OPTIONS" } }), server.target, heard);
    const end = await heard.end;
    assert.ok("status" in end && end.status === 200, `request ${sequence}`);
    assert.equal(heard.finals.length + heard.failures.length, 1);
  }
  assert.equal(server.count(), 2);
});

/** Requests that came on each connection to a server whose first one answers once, and then is as one to a machine that hangs. */
async function serveSilence(t: TestContext) {
  const first = Promise.withResolvers<ReturnType<typeof listenTo>>();
  const requests: string[][] = [];
  const server = await serve(t, (one, count) => {
    const mine: string[] = [];
    requests.push(mine);
    if (count === 1) first.resolve(one);
    one.socket.on("data", (chunk) => {
      const text = chunk.toString();
      if (text.startsWith("SIP/2.0")) return;
      mine.push(text.slice(0, text.indexOf(" ")));
      if (count > 1 || mine.length === 1) one.socket.write(rawResponse(text, 200, "bob"));
    });
  });
  return { ...server, first: first.promise, requests };
}

test("a connection that falls silent is left: a request without an answer begins again on another one, an INVITE does not", async (t) => {
  const server = await serveSilence(t);
  const client = await open(t, {}, { listen: [], timers: { t1Ms: 50 } });
  const ask = async ({ target }: typeof server, method: string) => {
    const heard = hear();
    client.request(makeRequest(method), target, heard);
    const end = await heard.end;
    return "status" in end ? end.status : end.kind;
  };
  for (let count = 0; count < 6; count++) assert.equal(await ask(server, "OPTIONS"), 200, `request ${count}`);
  assert.equal(server.requests[0]?.length, 2);

  const other = await serveSilence(t);
  assert.equal(await ask(other, "OPTIONS"), 200);
  assert.equal(await ask(other, "INVITE"), "timeout");
  assert.equal(other.requests.flat().filter((method) => method === "INVITE").length, 1, "nobody rings twice");
  assert.equal(await ask(other, "INVITE"), 200);
});

test("a connection that has fallen silent and says something again is used again", async (t) => {
  const server = await serveSilence(t);
  const client = await open(t, OBLIGING, { listen: [], timers: { t1Ms: 40 } });
  const ask = async () => {
    const heard = hear();
    client.request(makeRequest("INVITE"), server.target, heard);
    await heard.end;
  };
  await ask();
  await ask();
  const first = await server.first;
  first.socket.write(tcpRequest(5060));
  await until(() => answers(first.heard()) === 1);
  await ask();
  assert.deepEqual(server.requests, [["INVITE", "INVITE", "INVITE"]]);
});

test("a new connection that dies before any answer ends the request at once; the INVITE's timers are gone", async (t) => {
  const server = await serve(t, (one) => one.socket.on("data", () => one.socket.destroy()));
  const client = await open(t, {}, { listen: [], timers: {} });
  for (const method of ["INVITE", "OPTIONS"]) {
    const heard = hear();
    client.request(makeRequest(method), server.target, heard);
    assert.deepEqual(await heard.end, { kind: "unreachable", detail: "127.0.0.1 closed the connection" });
  }
  assert.equal(server.count(), 2);
  assert.equal(client.size.client, 0);
});

test("a connection that dies while it rings: over when nobody can call back, else the answer may come on a new one (18.2.2)", async (t) => {
  let invite = "";
  const server = await serve(t, (one) =>
    one.socket.on("data", (chunk) => {
      invite = chunk.toString();
      one.socket.end(rawResponse(invite, 180, "bob"));
    }),
  );
  const deaf = await open(t, {}, { listen: [], timers: {} });
  const alone = hear();
  deaf.request(makeRequest("INVITE"), server.target, alone);
  assert.deepEqual(await alone.end, { kind: "unreachable", detail: "127.0.0.1 closed the connection" });

  const client = await open(t, {}, { listen: LISTEN, timers: {} });
  const heard = hear();
  client.request(makeRequest("INVITE"), server.target, heard);
  await until(() => heard.provisionals.length === 1 && client.size.connections === 0);
  const { port } = targetOf(client, "tcp");
  assert.match(headerOf(invite, "Via") ?? "", new RegExp(`^SIP/2.0/TCP 127.0.0.1:${port};`));
  const back = await dial(t, port);
  back.socket.write(rawResponse(invite, 200, "bob"));
  const end = await heard.end;
  assert.ok("status" in end && end.status === 200);
});

test("CANCEL after the connection has gone: over a new one; nobody there ends the call at once (9.1)", async (t) => {
  for (const reachable of [true, false]) {
    const cancels: string[] = [];
    const invite = Promise.withResolvers<string>();
    const server = await serve(t, (one, count) => {
      one.socket.on("data", (chunk) => {
        if (count > 1) return cancels.push(chunk.toString());
        invite.resolve(chunk.toString());
        one.socket.end(rawResponse(chunk.toString(), 180, "bob"));
      });
    });
    const client = await open(t, {}, { listen: LISTEN, timers: {} });
    const heard = hear();
    const transaction = client.request(makeRequest("INVITE"), server.target, heard);
    await until(() => heard.provisionals.length === 1 && client.size.connections === 0);
    if (!reachable) await server.close();
    transaction.cancel();
    if (reachable) {
      await until(() => cancels.length === 1);
      assert.equal(headerOf(cancels[0] ?? "", "Via"), headerOf(await invite.promise, "Via"));
    } else assert.deepEqual(await heard.end, { kind: "unreachable", detail: "connection refused" });
  }
});

test("a side that does not take what we send is given up", async (t) => {
  const server = await serve(t, (one) => one.socket.pause());
  const client = await open(t, {}, { listen: [], limits: { unsentBytes: 100_000 }, timers: {} });
  const body = Buffer.alloc(60_000, "x");
  const all: Array<ReturnType<typeof hear>> = [];
  const broken = () => all.some((heard) => heard.failures.length > 0);
  await until(() => {
    if (broken()) return true;
    all.push(hear());
    const last = all.at(-1);
    if (last) client.request(makeRequest("MESSAGE", { body }), server.target, last);
    return false;
  });
  assert.ok(all.some((heard) => heard.failures[0]?.detail === "it does not take what we send"));
});

test("requests at the same moment share one connection", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN });
  const client = await open(t, {}, { listen: [] });
  const all = Array.from({ length: 20 }, () => hear());
  for (const heard of all) client.request(makeRequest("OPTIONS"), targetOf(server, "tcp"), heard);
  await Promise.all(all.map((heard) => heard.end));
  assert.ok(all.every((heard) => heard.finals[0]?.status === 200));
  assert.equal(server.size.connections, 1);
});

test("each address of a name is tried; one that cannot be resolved is said so", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN });
  const { port } = targetOf(server, "tcp");
  const client = await open(t, {}, { listen: [], resolver: { resolve: () => ["127.0.0.9", "127.0.0.1"] } });
  const heard = hear();
  client.request(makeRequest("OPTIONS"), { protocol: "tcp", host: "pbx.example.com", port }, heard);
  const end = await heard.end;
  assert.ok("status" in end && end.status === 200);
  const lost = await open(
    t,
    {},
    { listen: [], resolver: { resolve: () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" })) } },
  );
  const nowhere = hear();
  lost.request(makeRequest("OPTIONS"), { protocol: "tcp", host: "pbx.example.com", port }, nowhere);
  assert.deepEqual(await nowhere.end, { kind: "unreachable", detail: "the host name pbx.example.com cannot be resolved" });
});

test("closing amid everything: connections gone, nothing told", async (t) => {
  const server = await serve(t, () => {});
  const client = await open(t, {}, { listen: LISTEN });
  const heard = hear();
  client.request(makeRequest("INVITE"), server.target, heard);
  await until(() => client.size.connections === 1);
  const late = hear();
  await client.close();
  client.request(makeRequest("OPTIONS"), server.target, late);
  assert.deepEqual(await late.end, { kind: "unreachable", detail: "SIP is shut down" });
  assert.deepEqual([heard.finals.length, heard.failures.length], [0, 0]);
  assert.equal(client.size.client, 0);
  await until(() => client.size.connections === 0);
});
