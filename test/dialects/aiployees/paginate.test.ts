import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { paginate } from "../../../src/dialects/aiployees/paginate.ts";

const url = new URL("https://x.example/api/user/leads");
const labels = (number: number, pages: number) =>
  paginate([1], pages * 10, { number, size: 10 }, url)
    .links.slice(1, -1)
    .map(({ label, active }) => (active ? `[${label}]` : label))
    .join(" ");

describe("links of a page, as Laravel's UrlWindow chooses them (aiployees 1.5)", () => {
  test("up to 13 pages: all", () => {
    assert.equal(labels(2, 3), "1 [2] 3");
    assert.equal(labels(13, 13), "1 2 3 4 5 6 7 8 9 10 11 12 [13]");
  });

  test("more: both ends, and three pages on each side", () => {
    assert.equal(labels(1, 14), "[1] 2 3 4 5 6 7 8 9 10 ... 13 14");
    assert.equal(labels(7, 20), "1 2 3 4 5 6 [7] 8 9 10 ... 19 20");
    assert.equal(labels(8, 20), "1 2 ... 5 6 7 [8] 9 10 11 ... 19 20");
    assert.equal(labels(13, 20), "1 2 ... 10 11 12 [13] 14 15 16 ... 19 20");
    assert.equal(labels(14, 20), "1 2 ... 11 12 13 [14] 15 16 17 18 19 20");
    assert.equal(labels(20, 20), "1 2 ... 11 12 13 14 15 16 17 18 19 [20]");
  });

  test("a page beyond the last has none active, and no next", () => {
    const page = paginate([], 30, { number: 9, size: 10 }, url);
    assert.ok(page.links.every(({ active }) => !active));
    assert.deepEqual([page.next_page_url, page.prev_page_url], [null, `${url.href}?page=8`]);
  });

  test("the filters of the request stay, a plus sign too", () => {
    const page = paginate([1], 20, { number: 1, size: 10 }, new URL(`${url.href}?phone_number=%2B359&page=1&status=created`));
    assert.equal(page.next_page_url, `${url.href}?phone_number=%2B359&status=created&page=2`);
  });
});
