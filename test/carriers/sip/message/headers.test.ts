import assert from "node:assert/strict";
import { test } from "node:test";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";

const headers = createHeaders([
  ["Supported", "100rel, timer"],
  ["X-One", "1"],
  ["k", "replaces"],
  ["Reason", 'SIP;cause=200;text="a, b", Q.850;cause=16'],
  ["X-One", "2"],
]);
const names = (of: typeof headers): string[] => [...of.entries()].map(([name, value]) => `${name}=${value}`);

test("names compare without case, compact forms are their long ones (RFC 3261 7.3.1, 7.3.3)", () => {
  assert.equal(headers.get("SUPPORTED"), "100rel, timer");
  assert.deepEqual(headers.all("K"), ["100rel", "timer", "replaces"]);
  assert.deepEqual(headers.all("x-one"), ["1", "2"]);
  assert.equal(headers.has("k"), true);
  assert.equal(headers.has("Require"), false);
  assert.equal(headers.get("Require"), undefined);
  assert.deepEqual(headers.all("Require"), []);
  assert.equal(names(headers)[2], "Supported=replaces");
});

test("lists are split outside of quotes and angle brackets, and empty elements are none", () => {
  assert.deepEqual(headers.all("Reason"), ['SIP;cause=200;text="a, b"', "Q.850;cause=16"]);
  const identity = createHeaders([["P-Asserted-Identity", '"A, B" <sip:a,b@c>, <tel:+1>,,']]);
  assert.deepEqual(identity.all("p-asserted-identity"), ['"A, B" <sip:a,b@c>', "<tel:+1>"]);
  assert.deepEqual(createHeaders([["Allow", ""]]).all("Allow"), []);
});

test("with, adding and without make another one and leave this as it was", () => {
  assert.deepEqual(names(headers.with("x-one", "3")), [
    "Supported=100rel, timer",
    "x-one=3",
    "Supported=replaces",
    'Reason=SIP;cause=200;text="a, b", Q.850;cause=16',
  ]);
  assert.deepEqual(headers.with("New", "1", "2").all("new"), ["1", "2"]);
  assert.deepEqual(headers.with("X-One").all("X-One"), []);
  assert.deepEqual(names(headers.adding("k", "path"))[3], "Supported=path");
  assert.deepEqual(names(headers.adding("Z", "1")).at(-1), "Z=1");
  assert.equal(headers.without("Supported").has("k"), false);
  assert.equal(names(headers).length, 5);
});
