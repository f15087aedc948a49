import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPreconditions, rangeHolds } from "../../../src/platform/http/preconditions.ts";

const now = { etag: '"abc"', lastModified: new Date("2026-06-01T10:00:00.900Z") };
const SAME = "Mon, 01 Jun 2026 10:00:00 GMT";
const OLDER = "Mon, 01 Jun 2026 09:59:59 GMT";
const NEWER = "Mon, 01 Jun 2026 10:00:01 GMT";

test("preconditions, in the order of RFC 9110 13.2.2", () => {
  for (const [headers, expected] of [
    [{}, "go on"],
    [{ "if-match": '"abc"' }, "go on"],
    [{ "if-match": '"x", "abc"' }, "go on"],
    [{ "if-match": "*" }, "go on"],
    [{ "if-match": '"x"' }, 412],
    [{ "if-match": 'W/"abc"' }, 412],
    [{ "if-unmodified-since": SAME }, "go on"],
    [{ "if-unmodified-since": OLDER }, 412],
    [{ "if-match": '"abc"', "if-unmodified-since": OLDER }, "go on"],
    [{ "if-none-match": '"abc"' }, 304],
    [{ "if-none-match": 'W/"abc"' }, 304],
    [{ "if-none-match": '"x", "abc"' }, 304],
    [{ "if-none-match": "*" }, 304],
    [{ "if-none-match": '"x"' }, "go on"],
    [{ "if-modified-since": SAME }, 304],
    [{ "if-modified-since": NEWER }, 304],
    [{ "if-modified-since": OLDER }, "go on"],
    [{ "if-none-match": '"x"', "if-modified-since": SAME }, "go on"],
    [{ "if-modified-since": "yesterday" }, "go on"],
    [{ "if-match": '"x"', "if-none-match": '"abc"' }, 412],
  ] as const) {
    assert.equal(checkPreconditions(headers, now), expected, JSON.stringify(headers));
  }
});

test("If-Range holds for this very state only (RFC 9110 13.1.5)", () => {
  for (const [header, expected] of [
    [undefined, true],
    ['"abc"', true],
    ['W/"abc"', false],
    ['"x"', false],
    [SAME, true],
    [OLDER, false],
    [NEWER, false],
    ["nonsense", false],
    [["a", "b"], false],
  ] as const) {
    assert.equal(rangeHolds(header as string | string[] | undefined, now), expected, String(header));
  }
});
