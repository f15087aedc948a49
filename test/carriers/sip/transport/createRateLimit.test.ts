import assert from "node:assert/strict";
import { test } from "node:test";
import { createRateLimit } from "../../../../src/carriers/sip/transport/createRateLimit.ts";

test("each key may burst, and then so often a second; forgetting keys never blocks anybody", (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const limit = createRateLimit({ perSecond: 2, burst: 3, keys: 2 });
  const take = (key: string, times: number) => Array.from({ length: times }, () => limit.allows(key)).filter(Boolean).length;
  assert.equal(take("a", 10), 3);
  assert.equal(take("b", 10), 3);
  now += 1_000;
  assert.equal(take("a", 10), 2);
  now += 60_000;
  assert.equal(take("a", 10), 3);
  assert.equal(take("c", 10), 3);
});
