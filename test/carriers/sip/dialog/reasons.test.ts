import assert from "node:assert/strict";
import { test } from "node:test";
import { readReasons } from "../../../../src/carriers/sip/dialog/reasons.ts";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";

const cases: ReadonlyArray<{ fields: readonly string[]; sip: number | null; q850: number | null; text: string | null }> = [
  { fields: [], sip: null, q850: null, text: null },
  { fields: ['Q.850;cause=16;text="Terminated"'], sip: null, q850: 16, text: "Terminated" },
  { fields: ['q.850 ; Cause = 17 ; Text = "User, busy"'], sip: null, q850: 17, text: "User, busy" },
  { fields: ['SIP ;cause=580 ;text="Precondition Failure"', "Q.850;cause=102"], sip: 580, q850: 102, text: "Precondition Failure" },
  { fields: ['SIP;cause=486;text="busy", Q.850;cause=21;text="refused"'], sip: 486, q850: 21, text: "refused" },
  { fields: ['preemption;cause=1;text="UA Preemption"'], sip: null, q850: null, text: "UA Preemption" },
  { fields: ["Q.850;cause=999", "Q.850;cause=x", "Q.850", "Q.850;cause=31"], sip: null, q850: 31, text: null },
  { fields: ['Q.850;text="cause=5";cause=20'], sip: null, q850: 20, text: "cause=5" },
];

test("Reason headers are read (RFC 3326 2)", () => {
  for (const { fields, ...expected } of cases) {
    assert.deepEqual(readReasons(createHeaders(fields.map((value) => ["Reason", value]))), expected, fields.join(" | "));
  }
});
