import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Conflict, type DomainError, Forbidden, InvalidInput, NotFound, Unauthenticated } from "../../../src/core/errors.ts";
import { isScope } from "../../../src/core/scopes.ts";
import { present } from "../../../src/dialects/yappr/errors.ts";
import { scopes } from "../../../src/dialects/yappr/scopes.ts";

const domain = (error: DomainError) => {
  const { status, body, headers } = present({ kind: "domain", error });
  const { error: text, code, ...rest } = body as { error: string; code: string };
  return { status, text, code, rest, headers };
};

describe("the error envelope (yappr 1.2, 1.3)", () => {
  test("each issue with a code of its own speaks for the request, whatever else is wrong", () => {
    for (const [issue, code] of [
      ["invalid_to_number", "INVALID_TO_NUMBER"],
      ["invalid_from_number", "INVALID_FROM_NUMBER"],
      ["self_call", "SELF_CALL_NOT_ALLOWED"],
      ["metadata_reserved_key", "INVALID_METADATA_RESERVED_KEY"],
    ] as const) {
      const error = new InvalidInput([
        { path: ["variables", "a"], code: "too_long", message: "The value is too long." },
        { path: ["to"], code: issue, message: "The number cannot be called." },
      ]);
      const answer = domain(error);
      assert.deepEqual([answer.status, answer.code], [400, code]);
      assert.equal(answer.text, "variables: The value is too long. to: The number cannot be called.");
      assert.deepEqual(answer.rest, {
        details: [
          { path: "variables.a", message: "variables: The value is too long." },
          { path: "to", message: "to: The number cannot be called." },
        ],
      });
    }
  });

  test("a field of core's is called as it is here", () => {
    const { rest } = domain(
      new InvalidInput(["phone", "tagIds", "longTermContext", "agentId"].map((name) => ({ path: [name], code: "x", message: "No." }))),
    );
    assert.deepEqual(
      (rest as { details: Array<{ path: string }> }).details.map(({ path }) => path),
      ["phone_number", "tag_ids", "long_term_context", "agent_id"],
    );
  });

  test("idempotency: a reused key, and a first request that still runs, with when to ask again (yappr 1.5)", () => {
    const reused = domain(new Conflict("idempotency_key_reused", "x"));
    assert.deepEqual([reused.status, reused.code], [409, "IDEMPOTENCY_KEY_CONFLICT"]);
    const running = domain(new Conflict("idempotency_in_progress", "x"));
    assert.deepEqual([running.status, running.code, running.headers], [409, "IDEMPOTENCY_REQUEST_IN_PROGRESS", { "retry-after": "1" }]);
  });

  test("other conflicts, what is not there, and keys", () => {
    assert.deepEqual(domain(new Conflict("lead_exists", "x", "17")).rest, { lead_id: "17" });
    assert.equal(domain(new Conflict("number_taken", "x")).code, "CONFLICT");
    assert.deepEqual(domain(new NotFound("call", "1")).text, "Call not found.");
    const keys = (["missing", "malformed", "unknown", "revoked", "expired"] as const).map((reason) => domain(new Unauthenticated(reason)));
    assert.deepEqual(
      keys.map(({ status, code }) => [status, code]),
      ["MISSING_KEY", "INVALID_KEY", "INVALID_KEY", "INVALID_KEY", "EXPIRED_KEY"].map((code) => [401, code]),
    );
    assert.deepEqual(
      [domain(new Forbidden("scope", "do_not_call:write")).code, domain(new Forbidden("workspace")).status],
      ["INSUFFICIENT_SCOPE", 403],
    );
  });

  test("our own troubles say nothing of their cause", () => {
    assert.deepEqual([present({ kind: "unavailable" }).status, present({ kind: "internal" }).status], [503, 500]);
  });
});

test("each scope of the dialect opens scopes that there are (yappr 2)", () => {
  for (const [name, opened] of Object.entries(scopes)) {
    assert.ok(opened.length > 0 && opened.every(isScope), name);
  }
});
