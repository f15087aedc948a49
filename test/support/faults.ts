import assert from "node:assert/strict";
import { test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { revokeKey } from "../../src/core/api-keys/revokeKey.ts";
import { SCOPES, type Scope } from "../../src/core/scopes.ts";
import type { KeyKind } from "../../src/core/tables.ts";
import type { DialectName } from "../../src/dialects/dialects.ts";
import { rowCounts, send, type Tenant, type World } from "./world.ts";

/** What can be wrong with any request, whatever the endpoint. */
export type Fault =
  | "missing key"
  | "malformed key"
  | "unknown key"
  | "revoked key"
  | "expired key"
  | "missing scope"
  | "malformed JSON"
  | "body is no object"
  | "wrong content type"
  | "body too large"
  | "a NUL character"
  | "half a surrogate pair"
  | "nested too deep"
  | "wrong method"
  | "unknown path";

export interface Endpoint {
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  url: string;
  /** A body that the endpoint would take; none for endpoints without a body. */
  body?: Record<string, unknown>;
  /** The one scope it needs. */
  scope: Scope;
  /** A method that its path does not take. */
  wrongMethod?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Bytes beyond the endpoint's body limit. */
  tooLarge?: number;
  keyKind?: KeyKind;
}

/**
 * Defines a test for each fault that the endpoint can have: the dialect's `expect` judges the answer, and nothing may have
 * been written.
 */
export function testFaults(
  world: World,
  tenant: Tenant,
  dialect: DialectName,
  endpoint: Endpoint,
  expect: (fault: Fault, response: LightMyRequestResponse) => void,
): void {
  const { method, url, body, scope, wrongMethod, tooLarge = 1024 * 1024 + 1, keyKind } = endpoint;
  const kind = keyKind ? { kind: keyKind } : {};
  const key = async (options: Parameters<Tenant["key"]>[1] = {}) => (await tenant.key(dialect, { ...kind, ...options })).token;

  const check = (fault: Fault, ask: () => Promise<LightMyRequestResponse>) =>
    test(`${method} ${url}: ${fault}`, async () => {
      const before = await rowCounts(world.house, tenant.workspace.id);
      const response = await ask();
      expect(fault, response);
      assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before, "something was written");
    });

  const raw = async (payload: string, contentType = "application/json") =>
    send(world, method, url, { token: await key(), body: payload, headers: { "content-type": contentType } });
  const smuggling = (value: string) =>
    raw(`${JSON.stringify(body).slice(0, -1)}${Object.keys(body ?? {}).length > 0 ? "," : ""}"metadata":{"x":${value}}}`);

  check("missing key", () => send(world, method, url, { ...(body ? { body } : {}) }));
  check("malformed key", () => send(world, method, url, { ...(body ? { body } : {}), headers: { authorization: "Basic abc" } }));
  check("unknown key", async () => send(world, method, url, { token: `${await key()}x`, ...(body ? { body } : {}) }));
  check("revoked key", async () => {
    const { token, id } = await tenant.key(dialect, kind);
    await revokeKey(world.house, id);
    return send(world, method, url, { token, ...(body ? { body } : {}) });
  });
  check("expired key", async () => {
    const { token, id } = await tenant.key(dialect, kind);
    await world.house.db.pool.query("update api_keys set expires_at = now() - interval '1 second' where id = $1", [id]);
    return send(world, method, url, { token, ...(body ? { body } : {}) });
  });
  check("missing scope", async () =>
    send(world, method, url, { token: await key({ scopes: SCOPES.filter((one) => one !== scope) }), ...(body ? { body } : {}) }),
  );
  if (body) {
    check("malformed JSON", () => raw('{"name": '));
    check("body is no object", () => raw("[1, 2]"));
    check("wrong content type", () => raw(JSON.stringify(body), "text/csv"));
    check("body too large", () => raw(JSON.stringify({ ...body, metadata: { x: "x".repeat(tooLarge) } })));
    check("a NUL character", () => smuggling('"a\\u0000b"'));
    check("half a surrogate pair", () => smuggling('"\\ud800"'));
    check("nested too deep", () => smuggling("[".repeat(100) + "]".repeat(100)));
  }
  if (wrongMethod) check("wrong method", async () => send(world, wrongMethod, url, { token: await key() }));
  check("unknown path", async () =>
    send(world, method, `${url.split("?")[0]}/no/such/path`, { token: await key(), ...(body ? { body } : {}) }),
  );
}
