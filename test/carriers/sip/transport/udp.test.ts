import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";
import { freePort } from "../../../sip/support/ports.ts";
import { until } from "../../../support/until.ts";
import { hear, OBLIGING, open, targetOf } from "./support/endpoints.ts";
import { makeRequest } from "./support/messages.ts";
import { headerOf, rawPeer, rawResponse } from "./support/rawPeer.ts";

const UDP = { protocol: "udp" as const, address: "127.0.0.1", port: 0 };
const TCP = { protocol: "tcp" as const, address: "127.0.0.1", port: 0 };
const BIG = { headers: createHeaders([["X-Big", "x".repeat(1_300)]]) };
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === "::1"));

test("what is bigger than 1300 bytes goes over TCP, with a Via that says so (18.1.1)", async (t) => {
  const seen: Array<[string, string | undefined]> = [];
  const port = await freePort();
  const server = await open(
    t,
    {
      request: (transaction) => {
        seen.push([transaction.source.protocol, transaction.request.via[0]?.transport]);
        transaction.respond({ status: 200 });
      },
    },
    { listen: [{ ...UDP, port }] },
  );
  const alsoTcp = await open(
    t,
    {
      request: (transaction) => {
        seen.push(["tcp", transaction.request.via[0]?.transport]);
        transaction.respond({ status: 200 });
      },
    },
    { listen: [{ ...TCP, port }] },
  );
  const client = await open(t, {}, { listen: [UDP, TCP] });
  const big = hear();
  const transaction = client.request(makeRequest("OPTIONS", BIG), targetOf(server), big);
  await big.end;
  const small = hear();
  client.request(makeRequest("OPTIONS"), targetOf(server), small);
  await small.end;
  assert.deepEqual(seen, [
    ["tcp", "TCP"],
    ["udp", "UDP"],
  ]);
  assert.equal(transaction.request.via[0]?.port, targetOf(client, "tcp").port);
  assert.equal(alsoTcp.size.connections, 1);
});

test("big requests go over UDP when TCP is refused, or not listened on here (18.1.1)", async (t) => {
  const server = await open(t, OBLIGING, { listen: [{ ...UDP, port: await freePort() }] });
  for (const listen of [[UDP, TCP], [UDP]]) {
    const client = await open(t, {}, { listen });
    const heard = hear();
    const transaction = client.request(makeRequest("OPTIONS", BIG), targetOf(server), heard);
    const end = await heard.end;
    assert.ok("status" in end && end.status === 200);
    assert.equal(transaction.request.via[0]?.transport, "UDP");
    assert.equal(client.size.connections, 0);
  }
});

test("reached at the public address of that IP version, with the port of the protocol", async (t) => {
  const endpoint = await open(t, {}, { listen: [UDP, TCP], publicAddress: "203.0.113.7" });
  const ports = { udp: targetOf(endpoint).port, tcp: targetOf(endpoint, "tcp").port };
  const at = (protocol: "udp" | "tcp" | "tls", host = "127.0.0.1") => endpoint.reachableAt({ protocol, host, port: 5060 });
  assert.deepEqual(await at("udp"), { protocol: "udp", host: "203.0.113.7", port: ports.udp });
  assert.deepEqual(await at("tcp"), { protocol: "tcp", host: "203.0.113.7", port: ports.tcp });
  // Nobody listens for TLS, and there is no connection to go back on: never in clear all the same.
  assert.deepEqual(await at("tls"), { protocol: "tls", host: "203.0.113.7", port: 5061 });
});

test("reached at the address listened on, or that of the route to the target; never without an answer", async (t) => {
  const routes = {
    resolve: (host: string) => (host === "nowhere.example.com" ? Promise.reject(new Error("no such name")) : ["127.0.0.1"]),
  };
  const wild = await open(t, {}, { listen: [{ ...UDP, address: "0.0.0.0" }], resolver: routes });
  const { port } = targetOf(wild);
  const target = { protocol: "udp" as const, host: "pbx.example.com", port: 5060 };
  assert.deepEqual(await wild.reachableAt(target), { protocol: "udp", host: "127.0.0.1", port });
  assert.deepEqual(await wild.reachableAt({ ...target, protocol: "tcp" }), { protocol: "udp", host: "127.0.0.1", port });
  assert.deepEqual(await wild.reachableAt({ ...target, host: "nowhere.example.com" }), { protocol: "udp", host: "127.0.0.1", port });
  const two = await open(t, {}, { listen: [{ ...UDP, address: "127.0.0.2" }, UDP] });
  assert.equal((await two.reachableAt({ ...target, host: "127.0.0.1" })).port, two.listening[1]?.port);
  const dual = await open(t, {}, { resolver: { resolve: () => ["2001:db8::1", "127.0.0.1"] } });
  assert.equal((await dual.reachableAt(target)).host, "127.0.0.1");
  const none = await open(t, {}, { listen: [] });
  assert.deepEqual(await none.reachableAt({ ...target, host: "127.0.0.1" }), { protocol: "udp", host: "127.0.0.1", port: 5060 });
});

test("the Via says where we are reached: the public address; and asks for rport (RFC 3581 3)", async (t) => {
  const peer = await rawPeer(t);
  const client = await open(t, {}, { publicAddress: "203.0.113.7" });
  const heard = hear();
  client.request(makeRequest("OPTIONS"), peer.target, heard);
  const request = await peer.next(/^OPTIONS/);
  assert.match(headerOf(request, "Via") ?? "", new RegExp(`^SIP/2.0/UDP 203.0.113.7:${targetOf(client).port};branch=z9hG4bK\\w+;rport$`));
  peer.send(rawResponse(request, 200, "bob"), targetOf(client));
  await heard.end;
});

test("without a UDP listener of its IP version a target is unreachable, in words", async (t) => {
  const client = await open(t);
  const heard = hear();
  client.request(makeRequest("OPTIONS"), { protocol: "udp", host: "::1", port: 5060 }, heard);
  assert.deepEqual(await heard.end, { kind: "unreachable", detail: "SIP is not listened on over UDP with IPv6, which ::1 needs" });
});

test("IPv6, alone and together with IPv4 on one socket", { skip: !hasIpv6 && "no IPv6 here" }, async (t) => {
  const both = await open(t, OBLIGING, { listen: [{ ...UDP, address: "::" }] });
  const { port } = targetOf(both);
  const six = await open(t, OBLIGING, { listen: [{ ...UDP, address: "::1" }] });
  const four = await open(t, OBLIGING);
  for (const [from, host] of [
    [six, "::1"],
    [four, "127.0.0.1"],
  ] as const) {
    const heard = hear();
    from.request(makeRequest("OPTIONS"), { protocol: "udp", host, port }, heard);
    const end = await heard.end;
    assert.ok("status" in end && end.status === 200);
    assert.equal(end.via[0]?.params.get("received"), host);
    const back = hear();
    both.request(makeRequest("OPTIONS"), targetOf(from), back);
    const answer = await back.end;
    assert.ok("status" in answer && answer.status === 200, host);
    assert.equal((await both.reachableAt(targetOf(from))).host, host);
  }
});

test("an address that is taken is an error, and nothing stays open", async (t) => {
  const first = await open(t);
  await assert.rejects(open(t, {}, { listen: [TCP, { ...UDP, port: targetOf(first).port }] }), { code: "EADDRINUSE" });
});

test("keep-alives and empty datagrams are no messages", async (t) => {
  const server = await open(t, OBLIGING);
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  let answers = 0;
  socket.on("message", () => {
    answers += 1;
  });
  for (const bytes of ["", "\r\n", "\r\n\r\n", "\0\0\0\0"]) socket.send(bytes, targetOf(server).port, "127.0.0.1");
  const client = await open(t);
  const heard = hear();
  client.request(makeRequest("OPTIONS"), targetOf(server), heard);
  await heard.end;
  await until(() => server.size.server === 1);
  assert.equal(answers, 0);
});
