import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { validate, version } from "uuid";
import { newId, uidOf, uidRange } from "../../src/platform/ids.ts";

test("ids are uuids of version 7 with the present time, distinct and in order", () => {
  const before = Date.now();
  const ids = Array.from({ length: 50_000 }, newId);
  assert.ok(ids.every((id) => validate(id) && version(id) === 7));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id, index) => index === 0 || (ids[index - 1] as string) < id));
  const time = Number.parseInt((ids[0] as string).replaceAll("-", "").slice(0, 12), 16);
  assert.ok(time >= before && time <= Date.now());
});

test("ids made within one millisecond differ in their uids", () => {
  const ids = Array.from({ length: 50_000 }, newId);
  assert.equal(new Set(ids.map(uidOf)).size, ids.length);
});

test("a uid's range holds its id, and only ids with that uid", () => {
  const hex = fc.stringMatching(/^[0-9a-f]{30}$/);
  const uuid7 = hex.map(
    (text) => `${text.slice(0, 8)}-${text.slice(8, 12)}-7${text.slice(12, 15)}-a${text.slice(15, 18)}-${text.slice(18)}`,
  );
  fc.assert(
    fc.property(uuid7, uuid7, (id, other) => {
      const uid = uidOf(id);
      assert.match(uid, /^[a-z0-9]{16}$/);
      const range = uidRange(uid);
      assert.ok(range && range.from <= id && id <= range.to);
      assert.equal(other >= range.from && other <= range.to, uidOf(other) === uid);
    }),
  );
});

test("what is no uid has no range", () => {
  for (const text of ["", "short", "ZZZZZZZZZZZZZZZZ", "zzzzzzzzzzzzzzzz", "0123456789abcde!", "0123456789abcdef0"]) {
    assert.equal(uidRange(text), undefined, text);
  }
});
