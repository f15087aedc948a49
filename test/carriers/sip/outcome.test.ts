import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LegCause } from "../../../src/carriers/carrier.ts";
import { legEnd } from "../../../src/carriers/sip/outcome.ts";
import { Q850, STATUS } from "../../../src/carriers/sip/outcome-table.ts";
import type { SipCallEnd } from "../../../src/carriers/sip/user-agent.ts";

const end = (parts: Partial<SipCallEnd>): SipCallEnd => ({
  why: "rejected",
  detail: parts.status ? `${parts.status} ${parts.reason ?? ""}`.trim() : "what the user agent said",
  answered: false,
  status: null,
  reason: null,
  q850: null,
  ...parts,
});

interface Case {
  status: number;
  q850?: number;
  /** Without ringing before, and with. */
  cause: LegCause;
  rang?: LegCause;
  source: string;
}

const REFUSALS: readonly Case[] = [
  { status: 301, cause: "unreachable", source: "RFC 3261 21.3.2: moved permanently" },
  { status: 302, cause: "failed", source: "RFC 3261 21.3.3: we follow nobody" },
  { status: 401, cause: "failed", source: "RFC 3261 21.4.2" },
  { status: 403, cause: "failed", rang: "declined", source: "RFC 3398 7.2.4.1: 21 becomes 403" },
  { status: 404, cause: "unreachable", source: "RFC 3261 21.4.5" },
  { status: 407, cause: "failed", source: "RFC 3261 21.4.8" },
  { status: 408, cause: "unreachable", rang: "no_answer", source: "RFC 3398 7.2.4.1: 18 becomes 408" },
  { status: 410, cause: "unreachable", source: "RFC 3261 21.4.10" },
  { status: 433, cause: "declined", source: "RFC 5079 4" },
  { status: 480, cause: "unreachable", rang: "no_answer", source: "RFC 3261 21.4.18" },
  { status: 480, q850: 18, cause: "no_answer", source: "ITU-T Q.850: no user responding" },
  { status: 480, q850: 19, cause: "no_answer", source: "ITU-T Q.850: no answer from user" },
  { status: 480, q850: 20, cause: "unreachable", source: "ITU-T Q.850: subscriber absent" },
  { status: 480, q850: 31, cause: "unreachable", rang: "no_answer", source: "ITU-T Q.850: normal, unspecified says nothing" },
  { status: 484, cause: "unreachable", source: "RFC 3261 21.4.22" },
  { status: 486, cause: "busy", source: "RFC 3261 21.4.24" },
  { status: 486, q850: 16, cause: "busy", source: "ITU-T Q.850: normal clearing says nothing" },
  { status: 487, cause: "failed", rang: "no_answer", source: "RFC 3261 21.4.25, when it was not we who canceled" },
  { status: 488, cause: "failed", source: "RFC 3261 21.4.26" },
  { status: 500, cause: "failed", source: "RFC 3261 21.5.1" },
  { status: 500, q850: 34, cause: "failed", source: "ITU-T Q.850: no circuit" },
  { status: 500, q850: 1, cause: "unreachable", source: "ITU-T Q.850: unallocated number" },
  { status: 502, q850: 27, cause: "unreachable", source: "RFC 3398 7.2.4.1: 27 becomes 502" },
  { status: 503, cause: "failed", source: "RFC 3261 21.5.4" },
  { status: 503, q850: 17, cause: "busy", source: "ITU-T Q.850: user busy" },
  { status: 503, q850: 41, cause: "failed", source: "ITU-T Q.850: temporary failure" },
  { status: 503, q850: 42, cause: "failed", source: "ITU-T Q.850: congestion" },
  { status: 600, cause: "busy", source: "RFC 3261 21.6.1" },
  { status: 603, cause: "declined", source: "RFC 3261 21.6.2" },
  { status: 604, cause: "unreachable", source: "RFC 3261 21.6.3" },
  { status: 604, q850: 22, cause: "unreachable", source: "ITU-T Q.850: number changed" },
  { status: 484, q850: 28, cause: "unreachable", source: "ITU-T Q.850: invalid number format" },
  { status: 606, cause: "failed", source: "RFC 3261 21.6.4" },
  { status: 607, cause: "declined", source: "RFC 8197 3" },
  { status: 608, cause: "declined", source: "RFC 8688 3" },
  { status: 403, q850: 21, cause: "declined", source: "ITU-T Q.850: call rejected" },
];

describe("a refusal", () => {
  for (const { status, q850, cause, rang = cause, source } of REFUSALS) {
    const with_ = q850 === undefined ? "" : ` with Q.850 ${q850}`;
    test(`${status}${with_}: ${cause}, after ringing ${rang} (${source})`, () => {
      const said = end({ status, reason: "Said So", q850: q850 ?? null });
      assert.equal(legEnd(said, false).cause, cause);
      assert.equal(legEnd(said, true).cause, rang);
      assert.deepEqual(legEnd(said, false).sip, { status, reason: "Said So", q850: q850 ?? null });
    });
  }

  test("of every status and every Q.850 cause means something, in words (RFC 3261 8.1.3.2: an unknown one is the x00 of its class)", () => {
    const causes = new Set<LegCause>(["failed", "busy", "declined", "no_answer", "unreachable"]);
    for (let status = 300; status < 700; status++) {
      for (const q850 of [null, 0, ...Q850.keys(), 128, 255]) {
        for (const rang of [false, true]) {
          const { cause, detail = "" } = legEnd(end({ status, reason: "X", q850 }), rang);
          assert.ok(causes.has(cause), `${status} ${q850}: ${cause}`);
          assert.match(detail, new RegExp(`${status} X`));
          assert.doesNotMatch(detail, /undefined|null/);
        }
      }
    }
    assert.deepEqual(
      [...Q850.keys()].sort((a, b) => a - b),
      Array.from({ length: 127 }, (_, index) => index + 1),
    );
    assert.equal(legEnd(end({ status: 699 }), false).cause, "busy");
    assert.equal(legEnd(end({ status: 499 }), false).cause, "failed");
  });

  test("every row of the tables names its source", () => {
    for (const { source } of [...STATUS.values(), ...Q850.values()]) assert.match(source, /RFC \d{4} \d|ITU-T Q\.850/);
  });

  test("is told in words", () => {
    const words = (parts: Partial<SipCallEnd>) => legEnd(end(parts), false).detail;
    assert.equal(words({ status: 486, reason: "Busy Here" }), "486 Busy Here");
    assert.equal(words({ status: 603, reason: null }), "603");
    assert.equal(words({ status: 403, reason: "Forbidden" }), "the gateway does not allow this call (403 Forbidden)");
    assert.equal(words({ status: 503, reason: "Service Unavailable", q850: 34 }), "no circuit is free (503 Service Unavailable, Q.850 34)");
    assert.equal(words({ status: 486, reason: "Busy Here", q850: 17 }), "busy (486 Busy Here, Q.850 17)");
    assert.equal(words({ status: 488, reason: "Not Acceptable Here" }), "no codec or encryption in common (488 Not Acceptable Here)");
    assert.equal(
      words({ status: 401, reason: "Unauthorized", detail: "the password of user clinic is refused" }),
      "the gateway refuses our credentials: the password of user clinic is refused (401 Unauthorized)",
    );
  });
});

describe("an end that is no refusal", () => {
  const cause = (parts: Partial<SipCallEnd>) => legEnd(end(parts), true).cause;

  test("says who ended it", () => {
    assert.equal(cause({ why: "canceled", status: 487 }), "canceled");
    assert.equal(cause({ why: "no_answer", status: 487 }), "no_answer");
    assert.equal(cause({ why: "unreachable" }), "failed");
    assert.equal(cause({ why: "bye_received", status: 200, answered: true }), "hangup");
    assert.equal(cause({ why: "bye_sent", status: 200, answered: true }), "hangup_local");
    assert.equal(cause({ why: "transferred", status: 200, answered: true }), "transferred");
    assert.equal(cause({ why: "lost", status: 200, answered: true }), "lost");
    assert.equal(cause({ why: "failed" }), "failed");
    assert.equal(cause({ why: "failed", answered: true }), "lost");
  });

  test("a BYE that says the network broke is no hangup (RFC 3326, ITU-T Q.850)", () => {
    for (const q850 of [27, 34, 38, 41, 42, 44, 47, 102, 111]) {
      assert.equal(cause({ why: "bye_received", status: 200, answered: true, q850 }), "lost", String(q850));
    }
    for (const q850 of [16, 17, 18, 19, 21, 31, 127]) {
      assert.equal(cause({ why: "bye_received", status: 200, answered: true, q850 }), "hangup", String(q850));
    }
  });
});
