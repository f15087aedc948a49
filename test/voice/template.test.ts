import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fillTemplate } from "../../src/voice/template.ts";

const values = {
  call: {
    direction: "outbound" as const,
    from_number: "+972551234567",
    to_number: "+972501234567",
    variables: { LeadName: "David", empty: "" },
  },
  timeZone: "Asia/Jerusalem",
  now: new Date("2026-06-01T21:05:09.123Z"),
};
const fill = (text: string) => fillTemplate(text, values);

describe("{{Variables}} (yappr 4.3)", () => {
  const cases: Array<[text: string, filled: string]> = [
    ["Hello {{LeadName}}!", "Hello David!"],
    ["{{LeadName}} and {{ LeadName }}", "David and David"],
    ["[{{Missing}}]", "[]"],
    ["[{{empty}}]", "[]"],
    ["{{CallerPhone}}", "+972501234567"],
    ["{{CurrentDate}}", "2026-06-02"],
    ["{{CurrentTime}}", "00:05"],
    ["{{CurrentDateTime}}", "2026-06-02T00:05:09+03:00"],
    ["{{CurrentDateTime.America/New_York}}", "2026-06-01T17:05:09-04:00"],
    ["[{{CurrentDateTime.Mars/Olympus}}]", "[]"],
    ["{{CallDirection}} {{Timezone}}", "outbound Asia/Jerusalem"],
    ["[{{constructor}}{{__proto__}}{{toString}}]", "[]"],
    ["{{}} { {LeadName}} {LeadName} {{{LeadName}}}", "{{}} { {LeadName}} {LeadName} {David}"],
    ["שלום {{LeadName}}", "שלום David"],
  ];
  for (const [text, filled] of cases) test(text, () => assert.equal(fill(text), filled));

  test("the caller of an inbound call is who called", () => {
    const call = { ...values.call, direction: "inbound" as const };
    assert.equal(fillTemplate("{{CallerPhone}}", { ...values, call }), "+972551234567");
  });

  test("what a variable holds is not filled again, and a $ is a $", () => {
    const call = { ...values.call, variables: { A: "{{B}} $& $1", B: "b" } };
    assert.equal(fillTemplate("{{A}}", { ...values, call }), "{{B}} $& $1");
  });

  test("the built-in names are the platform's", () => {
    const call = { ...values.call, variables: { Timezone: "mine" } };
    assert.equal(fillTemplate("{{Timezone}}", { ...values, call }), "Asia/Jerusalem");
  });
});
