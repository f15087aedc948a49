import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Conflict, NotFound } from "../../../src/core/errors.ts";
import { createDirectory } from "../../../src/core/workspaces/createDirectory.ts";
import { present } from "../../../src/dialects/aiployees/errors.ts";
import { aiployees } from "../../../src/dialects/aiployees/plugin.ts";
import type { Problem } from "../../../src/dialects/kit/problem.ts";
import { send, startWorld } from "../../support/world.ts";
import { makeCampaign } from "./support.ts";

const world = await startWorld({ environment: { RATE_LIMIT_PER_MINUTE: "2" } });

describe("the envelope (aiployees 1.3)", () => {
  test("beyond the rate limit: 429 with the seconds to wait", async () => {
    const tenant = await world.tenant();
    const { token } = await tenant.key("aiployees");
    const list = () => send(world, "GET", "/api/user/leads", { token });
    assert.equal((await list()).statusCode, 200);
    assert.equal((await list()).statusCode, 200);
    const response = await list();
    assert.equal(response.statusCode, 429);
    const { message, retry_after } = response.json();
    assert.equal(message, "Too Many Attempts.");
    assert.ok(Number.isInteger(retry_after) && retry_after >= 1 && retry_after <= 60);
    assert.equal(response.headers["retry-after"], String(retry_after));
  });

  test("a key that cannot say which workspace it means is 403", async () => {
    const directory = await createDirectory(world.house, "Partner");
    const tenant = await world.tenant({ directoryId: directory.id });
    const { token } = await tenant.key("aiployees", { kind: "directory" });
    const campaign = await makeCampaign(tenant.ctx);
    const body = { phone_number: "+1234567890", campaign_id: campaign.number };
    const response = await send(world, "POST", "/api/user/lead", { token, body });
    assert.equal(response.statusCode, 403);
    assert.deepEqual(Object.keys(response.json()), ["message"]);
    const named = await send(world, "POST", "/api/user/lead", { token, body, headers: { "x-on-behalf-of": tenant.workspace.uid } });
    assert.equal(named.statusCode, 200, named.body);
  });

  test("a path under /api that does not exist is answered here, with or without a key", async () => {
    for (const url of ["/api", "/api/", "/api/user/lead/5", "/api/v2/leads?x=1"]) {
      const response = await send(world, "GET", url);
      assert.equal(response.statusCode, 404);
      const name = url.split("?")[0]?.slice(1);
      assert.deepEqual(response.json(), { message: `The route ${name} could not be found.` });
    }
  });

  const answers: Array<[problem: Problem, status: number, body: unknown]> = [
    [{ kind: "internal" }, 500, { message: "Server Error" }],
    [{ kind: "unavailable" }, 503, { message: "Service Unavailable" }],
    [{ kind: "bad_url" }, 400, { message: "The URL is not valid." }],
    [{ kind: "domain", error: new NotFound("contact", "1") }, 404, { message: "Lead not found" }],
    [{ kind: "domain", error: new NotFound("list", "1") }, 404, { message: "Not found" }],
    [{ kind: "domain", error: new Conflict("name_taken", "Taken.") }, 409, { message: "Taken." }],
  ];
  for (const [problem, status, body] of answers) {
    test(`${problem.kind === "domain" ? problem.error.message : problem.kind}: ${status}`, () => {
      const answer = present(problem);
      assert.deepEqual([answer.status, answer.body], [status, body]);
    });
  }
});

describe("keys (aiployees 1.1)", () => {
  test("a key is its number, a bar and random characters, and opens every other door too", async () => {
    const tenant = await world.tenant();
    const { token } = await tenant.key("aiployees");
    assert.match(token, /^\d+\|[0-9a-f]{48}$/);
    assert.equal((await send(world, "GET", "/v1/leads", { token })).statusCode, 200);
    assert.deepEqual(Object.keys(aiployees.scopes), ["*"]);
  });
});
