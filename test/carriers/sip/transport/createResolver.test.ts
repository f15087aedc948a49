import assert from "node:assert/strict";
import { test } from "node:test";
import { createResolver } from "../../../../src/carriers/sip/transport/createResolver.ts";

test("an IP address is itself; a name is looked up once for everybody, and again after a failure", async () => {
  let asked = 0;
  const resolver = createResolver(async (host) => {
    asked += 1;
    if (asked === 1) throw new Error("just now not");
    return [`192.0.2.${host.length}`];
  });
  assert.deepEqual(await resolver.resolve("2001:db8::1"), ["2001:db8::1"]);
  assert.equal(asked, 0);
  await assert.rejects(async () => resolver.resolve("pbx"));
  const [one, two] = await Promise.all([resolver.resolve("pbx"), resolver.resolve("pbx")]);
  assert.deepEqual([one, two, asked], [["192.0.2.3"], ["192.0.2.3"], 2]);
  const local = await createResolver().resolve("localhost");
  assert.ok(local.includes("127.0.0.1") || local.includes("::1"));
});
