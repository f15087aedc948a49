import assert from "node:assert/strict";
import { createSocket, type RemoteInfo } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIPv4 } from "node:net";
import { after, describe, test } from "node:test";
import ipaddr from "ipaddr.js";
import { resolveByDns } from "../../src/platform/outbound/resolveByDns.ts";
import { until } from "../support/until.ts";

const [A, AAAA] = [1, 28];
const [NO_ERROR, NO_SUCH_NAME] = [0, 3];

/**
 * A name server that knows a few names, and keeps silent about those that begin with "slow", and the IPv6 addresses of those that
 * begin with "four", until told to answer.
 */
async function startNameServer(known: Record<string, string[]>) {
  const socket = createSocket("udp4");
  const silent: Array<() => void> = [];
  socket.on("message", (query, from) => {
    const { name, type } = questionOf(query);
    const answer = () =>
      send(
        query,
        from,
        known[name]?.filter((address) => isIPv4(address) === (type === A)),
      );
    if (name.startsWith("slow") || (name.startsWith("four") && type === AAAA)) silent.push(answer);
    else answer();
  });
  const send = (query: Buffer, { address, port }: RemoteInfo, addresses: string[] | undefined) => {
    const question = query.subarray(12, questionOf(query).end);
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | (addresses ? NO_ERROR : NO_SUCH_NAME), 2);
    head.writeUInt16BE(addresses?.length ?? 0, 6);
    head.fill(0, 8);
    const answers = (addresses ?? []).map((one) => {
      const data = Buffer.from(ipaddr.parse(one).toByteArray());
      const fields = Buffer.from([0xc0, 12, 0, data.length === 4 ? A : AAAA, 0, 1, 0, 0, 0, 60, 0, data.length]);
      return Buffer.concat([fields, data]);
    });
    socket.send(Buffer.concat([head, question, ...answers]), port, address);
  };
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  after(() => socket.close());
  return { servers: [`127.0.0.1:${socket.address().port}`], silent };
}

/** RFC 1035 4.1.2. */
function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("ascii", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

describe("the addresses of a name in the DNS", () => {
  test("those of both families, or of the one it has", async () => {
    const { servers } = await startNameServer({
      "both.example": ["2001:db8::1", "192.0.2.1", "192.0.2.2"],
      "six.example": ["2001:db8::2"],
    });
    assert.deepEqual(await resolveByDns("both.example", servers), [
      { address: "192.0.2.1", family: 4 },
      { address: "192.0.2.2", family: 4 },
      { address: "2001:db8::1", family: 6 },
    ]);
    assert.deepEqual(await resolveByDns("six.example", servers), [{ address: "2001:db8::2", family: 6 }]);
  });

  test("a name that is not there, or has no address, rejects", async () => {
    const { servers } = await startNameServer({ "empty.example": [] });
    for (const name of ["none.example", "empty.example"]) await assert.rejects(resolveByDns(name, servers), Error);
  });

  test("a name server that ignores questions for IPv6 (RFC 4074 4.1) is not asked again when there is an IPv4 address", async () => {
    const { servers, silent } = await startNameServer({ "four.example": ["192.0.2.1"] });
    assert.deepEqual(await resolveByDns("four.example", servers), [{ address: "192.0.2.1", family: 4 }]);
    assert.equal(silent.length, 1);
  });

  test("localhost is this machine, and nobody is asked (RFC 6761 6.3)", async () => {
    for (const name of ["localhost", "LocalHost.", "db.localhost"]) {
      assert.deepEqual(await resolveByDns(name, ["127.0.0.1:1"]), [{ address: "127.0.0.1", family: 4 }]);
    }
  });

  test("names whose servers say nothing keep nobody else waiting", async () => {
    const { servers, silent } = await startNameServer({ "quick.example": ["192.0.2.1"] });
    let answered = 0;
    const slow = Array.from({ length: 20 }, (_, index) => resolveByDns(`slow${index}.example`, servers).catch(() => void answered++));
    await until(() => silent.length >= 40);
    assert.equal((await resolveByDns("quick.example", servers)).length, 1);
    assert.ok(await lookup("localhost"));
    assert.equal(answered, 0);
    for (const answer of silent) answer();
    await Promise.all(slow);
    assert.equal(answered, 20);
  });
});
