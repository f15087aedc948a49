import assert from "node:assert/strict";
import { test } from "node:test";
import { answerTerms, createSessionTimer, termsOfResponse } from "../../../../src/carriers/sip/dialog/session-timer.ts";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";

type Row = {
  supported: boolean;
  asked: string | null;
  minSe?: string;
  seconds: number | null;
  refresher?: "us" | "them";
  header?: string;
};

const rows: readonly Row[] = [
  { supported: false, asked: null, seconds: null },
  { supported: true, asked: null, seconds: 1_800, refresher: "them", header: "1800;refresher=uac" },
  { supported: true, asked: null, minSe: "3600", seconds: 3_600, refresher: "them", header: "3600;refresher=uac" },
  { supported: true, asked: "600", seconds: 600, refresher: "them", header: "600;refresher=uac" },
  { supported: true, asked: "600;refresher=uac", seconds: 600, refresher: "them", header: "600;refresher=uac" },
  { supported: true, asked: "600 ; Refresher=UAS", seconds: 600, refresher: "us", header: "600;refresher=uas" },
  // A proxy asked, and the caller knows nothing of it: we refresh, and no 422 would help.
  { supported: false, asked: "600", seconds: 600, refresher: "us", header: "600;refresher=uas" },
  { supported: false, asked: "30", seconds: 90, refresher: "us", header: "90;refresher=uas" },
  { supported: true, asked: "nonsense", seconds: 1_800, refresher: "them", header: "1800;refresher=uac" },
];

test("the interval and the refresher of an answer (RFC 4028 9, table 2)", () => {
  for (const { supported, asked, minSe, seconds, refresher, header } of rows) {
    const request = createHeaders([
      ...(supported ? [["k", "timer"] as const] : []),
      ...(asked === null ? [] : [["x", asked] as const]),
      ...(minSe === undefined ? [] : [["Min-SE", minSe] as const]),
    ]);
    const offered = answerTerms(request, 1_800, 90);
    assert.ok(offered.ok);
    assert.deepEqual(offered.terms, seconds === null ? null : { seconds, refresher }, `${supported} ${asked}`);
    const answer = new Map(offered.headers);
    assert.equal(answer.get("Session-Expires"), header);
    assert.equal(answer.get("Require"), refresher === "them" ? "timer" : undefined);
  }
});

test("an interval below the least one is refused to those who can name another (RFC 4028 9)", () => {
  assert.deepEqual(
    answerTerms(
      createHeaders([
        ["Supported", "timer"],
        ["Session-Expires", "89"],
      ]),
      1_800,
      90,
    ),
    { ok: false, minSe: 90 },
  );
});

test("who refreshes after a 2xx to us (RFC 4028 7.2)", () => {
  const terms = (value: string) => termsOfResponse(createHeaders([["Session-Expires", value]]));
  assert.deepEqual(terms("1800;refresher=uas"), { seconds: 1_800, refresher: "them" });
  assert.deepEqual(terms("1800;refresher=uac"), { seconds: 1_800, refresher: "us" });
  assert.equal(termsOfResponse(createHeaders()), null);
  assert.equal(terms("0;refresher=uas"), null);
});

test("an interval longer than a timer can hold ends no call at once, and refreshes none all the time", () => {
  const waits: number[] = [];
  const timing = {
    nowMs: () => 0,
    after: (ms: number) => {
      waits.push(ms);
      return () => {};
    },
  };
  const timer = createSessionTimer({ timing, refresh: () => {}, expired: () => {} });
  timer.agreed(termsOfResponse(createHeaders([["Session-Expires", "9999999999;refresher=uac"]])));
  timer.refused();
  assert.equal(waits.length, 3);
  // Node makes 1 ms of what is longer.
  for (const ms of waits) assert.ok(ms > 60_000 && ms < 2 ** 31, String(ms));
});
