import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { until } from "../../../support/until.ts";
import { type Issued, withAuthority } from "./support/certificates.ts";
import { hear, log, OBLIGING, open, targetOf } from "./support/endpoints.ts";
import { makeRequest } from "./support/messages.ts";

const pems = withAuthority((authority) => ({
  ca: authority.ca,
  named: authority.issue("DNS:sip.example.com"),
  uri: authority.issue("URI:sip:sip.example.com"),
  address: authority.issue("IP:127.0.0.1"),
  selfSigned: authority.selfSigned("DNS:sip.example.com"),
  expired: authority.issue("DNS:sip.example.com", -1),
}));
const stranger = withAuthority((authority) => authority.issue("DNS:sip.example.com"));

const LISTEN = [{ protocol: "tls" as const, address: "127.0.0.1", port: 0 }];
const resolver = { resolve: () => ["127.0.0.1"] };

/** What becomes of an OPTIONS to `host` at a server that shows this certificate. */
async function ask(t: TestContext, shown: Issued, { host = "sip.example.com", ca = pems.ca }: { host?: string; ca?: string | null } = {}) {
  const server = await open(t, OBLIGING, { listen: LISTEN, tls: shown });
  const client = await open(t, {}, { listen: [], resolver, ...(ca && { tls: { ca } }) });
  const heard = hear();
  client.request(makeRequest("OPTIONS"), { ...targetOf(server, "tls"), host }, heard);
  const end = await heard.end;
  return "kind" in end && end.kind !== "response" ? end : "status" in end ? end.status : end;
}

test("a certificate of a trusted authority for the name, for the SIP URI (RFC 5922 7.2) and for the address", async (t) => {
  assert.equal(await ask(t, pems.named), 200);
  assert.equal(await ask(t, pems.uri), 200);
  assert.equal(await ask(t, pems.address, { host: "127.0.0.1" }), 200);
});

test("each thing wrong with a certificate is said in words", async (t) => {
  const says = async (detail: string, ...of: Parameters<typeof ask> extends [unknown, ...infer R] ? R : never) =>
    assert.deepEqual(await ask(t, ...of), { kind: "unreachable", detail });
  await says("the certificate of pbx.example.com is for sip.example.com", pems.named, { host: "pbx.example.com" });
  await says("the certificate of 127.0.0.1 is for sip.example.com", pems.named, { host: "127.0.0.1" });
  await says(
    "the certificate of sip.example.com is not trusted: its issuer is unknown, or an intermediate certificate is missing",
    stranger,
  );
  await says("the certificate of sip.example.com is not trusted: it has expired", pems.expired);
  await says("the certificate of sip.example.com is not trusted: self-signed", pems.selfSigned);
  // Without authorities of its own: the system's, which know nothing of ours.
  await says(
    "the certificate of sip.example.com is not trusted: its issuer is unknown, or an intermediate certificate is missing",
    pems.named,
    {
      ca: null,
    },
  );
});

test("who scans the port fills no log", async (t) => {
  const warned: unknown[] = [];
  const counting = Object.assign(Object.create(log), { warn: (...of: unknown[]) => warned.push(of) });
  const server = await open(t, OBLIGING, { listen: LISTEN, tls: pems.named, log: counting });
  const { port } = targetOf(server, "tls");
  for (let i = 0; i < 40; i++) {
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.on("error", () => {});
    await once(socket, "close");
  }
  await until(() => warned.length > 0);
  assert.ok(warned.length <= 11, `${warned.length} lines`);
});

test("a port that closes the connection when TLS begins is said to speak none, however it closes it", async (t) => {
  for (const close of ["end", "resetAndDestroy"] as const) {
    const server = createServer((socket) => socket.on("error", () => {}).once("data", () => socket[close]())).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const client = await open(t, {}, { listen: [] });
    const heard = hear();
    client.request(makeRequest("OPTIONS"), { protocol: "tls", host: "127.0.0.1", port: (server.address() as AddressInfo).port }, heard);
    const detail = "127.0.0.1 does not speak TLS as we do: it closes the connection instead";
    assert.deepEqual(await heard.end, { kind: "unreachable", detail });
  }
});

test("a port that speaks no TLS, and one where nobody is, are told apart", async (t) => {
  const plain = await open(t, OBLIGING, { listen: [{ protocol: "tcp", address: "127.0.0.1", port: 0 }] });
  const client = await open(t, {}, { listen: [], limits: { connectMs: 3_000 } });
  const heard = hear();
  client.request(makeRequest("OPTIONS"), { ...targetOf(plain, "tcp"), protocol: "tls" }, heard);
  const end = await heard.end;
  assert.ok("detail" in end);
  assert.match(end.detail, /does not speak TLS/);
  const nobody = hear();
  client.request(makeRequest("OPTIONS"), { protocol: "tls", host: "127.0.0.1", port: 9 }, nobody);
  assert.deepEqual(await nobody.end, { kind: "unreachable", detail: "connection refused" });
});

test("without a TLS listener we are reached over TLS, on the connection that we have opened (RFC 5626)", async (t) => {
  const gateway = await open(t, OBLIGING, { listen: LISTEN, tls: pems.named });
  const plain = (["udp", "tcp"] as const).map((protocol) => ({ protocol, address: "127.0.0.1", port: 0 }));
  const client = await open(t, OBLIGING, { listen: plain, resolver, tls: { ca: pems.ca } });
  const target = { ...targetOf(gateway, "tls"), host: "sip.example.com" };
  const here = await client.reachableAt(target);
  assert.deepEqual([here.protocol, here.host], ["tls", "127.0.0.1"]);
  for (const [from, to] of [[client, target] as const, [gateway, here] as const]) {
    const heard = hear();
    from.request(makeRequest("OPTIONS"), to, heard);
    const end = await heard.end;
    assert.ok("status" in end && end.status === 200);
  }
  assert.deepEqual([gateway.size.connections, client.size.connections], [1, 1]);
  assert.deepEqual(await client.reachableAt(target), here);
});

test("a place that cannot be connected to, looking for how it reaches us, is tried last from then on", async (t) => {
  const client = await open(t, {}, { listen: [], resolver: { resolve: () => ["127.0.0.1", "127.0.0.2"] } });
  const places = async () => {
    const located = await client.locate({ protocol: "tls", host: "sip.example.com", port: 9 });
    assert.ok("places" in located);
    return located.places;
  };
  const [first, second] = await places();
  assert.ok(first && second);
  await client.reachableAt(first);
  assert.deepEqual(await places(), [second, first]);
});

test("one connection for each name: who is trusted as one is not as another", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN, tls: pems.named });
  const client = await open(t, {}, { listen: [], resolver, tls: { ca: pems.ca } });
  for (let i = 0; i < 3; i++) {
    const heard = hear();
    client.request(makeRequest("OPTIONS"), { ...targetOf(server, "tls"), host: "sip.example.com" }, heard);
    const end = await heard.end;
    assert.ok("status" in end);
  }
  assert.equal(server.size.connections, 1);
  const other = hear();
  client.request(makeRequest("OPTIONS"), { ...targetOf(server, "tls"), host: "pbx.example.com" }, other);
  const end = await other.end;
  assert.ok("kind" in end && end.kind === "unreachable");
});

test("TLS is not listened on without certificate and key; nothing stays open then", async (t) => {
  const listen = [{ protocol: "tcp" as const, address: "127.0.0.1", port: 0 }, ...LISTEN];
  await assert.rejects(open(t, {}, { listen }), /without a certificate and its key/);
});

test("who connects and speaks no TLS is not let in, and closing does not wait for who is silent", async (t) => {
  const server = await open(t, OBLIGING, { listen: LISTEN, tls: pems.named });
  const { port } = targetOf(server, "tls");
  const noise = connect(port, "127.0.0.1", () => noise.write("OPTIONS sip:x SIP/2.0\r\n\r\n"));
  noise.on("error", () => {});
  await new Promise((resolve) => noise.on("close", resolve));
  const silent = connect(port, "127.0.0.1");
  silent.on("error", () => {});
  await until(() => silent.readyState === "open");
  const closed = new Promise((resolve) => silent.on("close", resolve));
  await server.close();
  await closed;
});
