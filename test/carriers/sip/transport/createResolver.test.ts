import assert from "node:assert/strict";
import { Resolver as Dns } from "node:dns/promises";
import { type TestContext, test } from "node:test";
import { createLookup } from "../../../../src/carriers/sip/transport/createLookup.ts";
import { createResolver, type Resolver } from "../../../../src/carriers/sip/transport/createResolver.ts";
import { locate } from "../../../../src/carriers/sip/transport/locate.ts";
import { until } from "../../../support/until.ts";
import { openNameServer, type Srv } from "./support/nameServer.ts";

test("an IP address is itself; a name is looked up once for everybody, and again after a failure", async () => {
  let asked = 0;
  const resolver = createResolver({
    lookUp: async (host) => {
      asked += 1;
      if (asked === 1) throw new Error("just now not");
      return [`192.0.2.${host.length}`];
    },
  });
  assert.deepEqual(await resolver.resolve("2001:db8::1"), ["2001:db8::1"]);
  assert.equal(asked, 0);
  await assert.rejects(async () => resolver.resolve("pbx"));
  const [one, two] = await Promise.all([resolver.resolve("pbx"), resolver.resolve("pbx")]);
  assert.deepEqual([one, two, asked], [["192.0.2.3"], ["192.0.2.3"], 2]);
  const local = await createResolver().resolve("localhost");
  assert.ok(local.includes("127.0.0.1") || local.includes("::1"));
});

test("who waits for a DNS that says nothing gives up; it is asked once, and what was known is still good", async () => {
  let asked = 0;
  const answers: Array<(answer: string) => void> = [];
  const ask = () => {
    asked += 1;
    return new Promise<string>((resolve) => answers.push(resolve));
  };
  const lookup = createLookup(ask, { keptMs: 0, staleMs: 60_000, failureMs: 0, patienceMs: 5 });
  await assert.rejects(lookup("pbx"), { code: "ETIMEOUT" });
  await assert.rejects(lookup("pbx"), { code: "ETIMEOUT" });
  assert.equal(asked, 1);
  answers.shift()?.("192.0.2.1");
  assert.equal(await until(() => lookup("pbx").catch(() => undefined)), "192.0.2.1");
  // That is asked again, and not waited for.
  assert.equal(await lookup("pbx"), "192.0.2.1");
  assert.equal(asked, 2);
  answers.shift()?.("192.0.2.2");
  assert.equal(await until(async () => (await lookup("pbx")) === "192.0.2.2"), true);
});

const DEAD = "dead.example";
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "sip.example": ["192.0.2.1", "2001:db8::1"],
  "a.example": ["192.0.2.10"],
  "b.example": ["192.0.2.20"],
  "c.example": ["192.0.2.30"],
  pbx: ["192.0.2.40"],
};

/** Names in `zone` come from a name server, their addresses from the table. `timeout` in ms: for an answer of it. */
async function resolving(t: TestContext, zone: Readonly<Record<string, readonly Srv[] | null>>, timeout?: number) {
  const server = await openNameServer(t, zone);
  const dns = new Dns({ ...(timeout && { timeout }), tries: 1 });
  dns.setServers([server.address]);
  const resolver = createResolver({
    lookUp: async (host) => ADDRESSES[host] ?? Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" })),
    resolveSrv: (name) => dns.resolveSrv(name),
  });
  return { resolver, asked: server.asked };
}

const placesOf = async (resolver: Resolver, protocol: "udp" | "tcp" | "tls", host: string, port: number | null = null) =>
  (await locate(resolver, { protocol, host, port }, "seed")).map((place) => `${place.address} ${place.port}`);

test("a gateway without a port is where its SRV records say, by priority, over each protocol (RFC 3263 4.2, RFC 2782)", async (t) => {
  const { resolver, asked } = await resolving(t, {
    "_sip._udp.sip.example": [
      [20, 0, 5070, "c.example"],
      [10, 0, 5080, "b.example"],
      [5, 100, 5090, DEAD],
    ],
    "_sip._tcp.sip.example": [[1, 1, 5062, "a.example"]],
    "_sips._tcp.sip.example": [[1, 1, 443, "a.example"]],
  });
  assert.deepEqual(await placesOf(resolver, "udp", "sip.example"), ["192.0.2.20 5080", "192.0.2.30 5070"]);
  assert.deepEqual(await placesOf(resolver, "tcp", "sip.example"), ["192.0.2.10 5062"]);
  assert.deepEqual(await placesOf(resolver, "tls", "sip.example"), ["192.0.2.10 443"]);
  assert.equal(asked.length, 3);
  await placesOf(resolver, "udp", "sip.example");
  assert.equal(asked.length, 3, "kept for a while");
});

test("with a port, an address or a name of one label there is no SRV, and without any the default port holds (RFC 3263 4.2)", async (t) => {
  const zone = { "_sip._udp.sip.example": [[1, 1, 5080, "a.example"] as const], "_sip._udp.b.example": null };
  const { resolver, asked } = await resolving(t, zone, 50);
  assert.deepEqual(await placesOf(resolver, "udp", "sip.example", 5066), ["192.0.2.1 5066", "2001:db8::1 5066"]);
  assert.deepEqual(await placesOf(resolver, "udp", "192.0.2.9"), ["192.0.2.9 5060"]);
  assert.deepEqual(await placesOf(resolver, "udp", "pbx"), ["192.0.2.40 5060"]);
  assert.deepEqual(asked, []);
  assert.deepEqual(await placesOf(resolver, "tls", "a.example"), ["192.0.2.10 5061"]);
  assert.deepEqual(await placesOf(resolver, "udp", "b.example"), ["192.0.2.20 5060"], "a DNS that is silent about SRV");
  assert.deepEqual(asked, ["_sips._tcp.a.example", "_sip._udp.b.example"]);
  await assert.rejects(placesOf(resolver, "udp", "nobody.example"), { code: "ENOTFOUND" });
});

test("who offers no SIP, or names only hosts that are not there, is told as that (RFC 2782)", async (t) => {
  const { resolver } = await resolving(t, {
    "_sip._udp.sip.example": [[0, 0, 0, "."]],
    "_sip._tcp.sip.example": [[0, 0, 5060, DEAD]],
  });
  await assert.rejects(placesOf(resolver, "udp", "sip.example"), /sip\.example offers no SIP over UDP/);
  await assert.rejects(placesOf(resolver, "tcp", "sip.example"), { code: "ENOTFOUND" });
});

test("within a priority each is first as often as its weight says, and one process always sees the same order (RFC 2782)", async () => {
  const services = async () => [
    { name: "a.example", port: 5060, priority: 1, weight: 70 },
    { name: "b.example", port: 5060, priority: 1, weight: 30 },
    { name: "c.example", port: 5060, priority: 1, weight: 0 },
  ];
  const resolver: Resolver = { resolve: (host) => [ADDRESSES[host]?.[0] ?? ""], services };
  const first = async (seed: number) =>
    (await locate(resolver, { protocol: "udp", host: "sip.example", port: null }, String(seed)))[0]?.address;
  const seen = new Map<string | undefined, number>();
  for (let seed = 0; seed < 1_000; seed++) {
    const address = await first(seed);
    seen.set(address, (seen.get(address) ?? 0) + 1);
    if (seed < 10) assert.equal(await first(seed), address);
  }
  const share = (seen.get("192.0.2.10") ?? 0) / 1_000;
  assert.ok(share > 0.65 && share < 0.75, `70 of 100 are ${share}`);
  assert.ok((seen.get("192.0.2.30") ?? 0) < 5, "weight 0 is hardly ever first");
});

test("two records that lead to one machine are one place: it is not waited for twice", async (t) => {
  const zone = {
    "_sip._udp.sip.example": [
      [1, 0, 5060, "a.example"],
      [2, 0, 5060, "alias.example"],
      [3, 0, 5070, "a.example"],
    ] as const,
  };
  const { resolver } = await resolving(t, zone);
  const aliased: Resolver = { ...resolver, resolve: (host) => resolver.resolve(host === "alias.example" ? "a.example" : host) };
  assert.deepEqual(await placesOf(aliased, "udp", "sip.example"), ["192.0.2.10 5060", "192.0.2.10 5070"]);
});
