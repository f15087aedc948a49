import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createKey } from "../../../src/core/api-keys/createKey.ts";
import { SCOPES } from "../../../src/core/scopes.ts";
import { createDirectory } from "../../../src/core/workspaces/createDirectory.ts";
import { vcita } from "../../../src/dialects/vcita/plugin.ts";
import { rowCounts, send, startWorld, type Tenant } from "../../support/world.ts";
import { created, request } from "./support.ts";

const world = await startWorld();
const directory = await createDirectory(world.house, "Partner");
const clinic = await world.tenant({ directoryId: directory.id });
const sister = await world.tenant({ directoryId: directory.id });
const stranger = await world.tenant();
const { token: directoryToken } = await clinic.key("vcita", { kind: "directory" });
const { token: staffToken } = await clinic.key("vcita", { kind: "staff" });
const { token: appToken } = await clinic.key("vcita", { kind: "app" });
const { token: directoryAppToken } = await createKey(world.house, {
  kind: "app",
  dialect: "vcita",
  owner: { directoryId: directory.id },
  name: "app of a directory",
  scopes: SCOPES,
  mint: (number) => vcita.mint(number, "app"),
});

const post = (token: string, body: Record<string, unknown>, headers: Record<string, string> = {}, url = "/platform/v1/leadgen") =>
  send(world, "POST", url, { token, body: request({ request_data: { a: "b" }, ...body }), headers });

const behalfOf = (tenant: Tenant, by: "uid" | "nickname" = "uid") => ({ "X-On-Behalf-Of": tenant.workspace[by] ?? "" });

/** Runs `ask`, and says which of the tenants got the lead. */
async function receiver(ask: () => Promise<{ statusCode: number; body: string }>): Promise<Tenant | undefined> {
  const count = async (tenant: Tenant) => (await rowCounts(world.house, tenant.workspace.id)).conversations ?? 0;
  const tenants = [clinic, sister, stranger];
  const before = await Promise.all(tenants.map(count));
  const response = await ask();
  const after = await Promise.all(tenants.map(count));
  const grown = tenants.filter((_, index) => after[index] !== before[index]);
  assert.equal(grown.length, response.statusCode === 201 ? 1 : 0, response.body);
  return grown[0];
}

describe("which business a request is about (vcita 2)", () => {
  test("a staff token: its own, also when it names it", async () => {
    assert.equal(await receiver(() => post(staffToken, {})), clinic);
    assert.equal(await receiver(() => post(staffToken, { business_id: clinic.workspace.nickname }, behalfOf(clinic))), clinic);
  });

  test("a staff token that names another business is refused, be it a sister, a stranger's or none", async () => {
    for (const name of [sister.workspace.uid, stranger.workspace.uid, "nosuchbusiness01"]) {
      for (const ask of [() => post(staffToken, { business_id: name }), () => post(staffToken, {}, { "X-On-Behalf-Of": name })]) {
        assert.equal(
          await receiver(async () => {
            const response = await ask();
            assert.equal(response.statusCode, 401);
            assert.deepEqual(response.json(), {
              error: "Unauthorized",
              message: "The token reaches no business of this UID or nickname",
            });
            return response;
          }),
          undefined,
        );
      }
    }
  });

  test("a directory's token: by header or body, by uid or nickname, the header first", async () => {
    assert.equal(await receiver(() => post(directoryToken, {}, behalfOf(sister))), sister);
    assert.equal(await receiver(() => post(directoryToken, {}, behalfOf(sister, "nickname"))), sister);
    assert.equal(await receiver(() => post(directoryToken, { business_id: sister.workspace.uid })), sister);
    assert.equal(await receiver(() => post(directoryToken, { business_id: ` ${sister.workspace.nickname} ` })), sister);
    assert.equal(await receiver(() => post(directoryToken, { business_id: sister.workspace.uid }, behalfOf(clinic))), clinic);
    assert.equal(await receiver(() => post(directoryToken, { business_id: sister.workspace.nickname }, {}, "/v1/partners/leads")), sister);
  });

  test("lead injection knows the body's business_id alone, not the header (vcita 5)", async () => {
    const inject = (body: Record<string, unknown>, tenant: Tenant) => post(directoryToken, body, behalfOf(tenant), "/v1/partners/leads");
    assert.equal(await receiver(() => inject({ business_id: sister.workspace.uid }, clinic)), sister);
    assert.equal(await receiver(() => inject({ business_id: sister.workspace.uid }, stranger)), sister);
    const nameless = await inject({}, clinic);
    assert.equal(nameless.statusCode, 422);
    assert.deepEqual(nameless.json(), ["Mandatory parameter business_id is missing"]);
  });

  test("a business of another directory looks just like none", async () => {
    const answers = await Promise.all(
      [stranger.workspace.uid, stranger.workspace.nickname, "nosuchbusiness01"].map((name) => post(directoryToken, { business_id: name })),
    );
    for (const answer of answers) {
      assert.equal(answer.statusCode, 401);
      assert.equal(answer.body, answers[0]?.body);
    }
    const partner = await post(directoryToken, { business_id: stranger.workspace.uid }, {}, "/v1/partners/leads");
    assert.equal(partner.statusCode, 422);
    assert.deepEqual(partner.json(), ["The token reaches no business of this UID or nickname"]);
  });

  test("a directory's token without a business: told so, with everything else that is wrong", async () => {
    const bare = await post(directoryToken, {});
    assert.equal(bare.statusCode, 422);
    assert.deepEqual(bare.json(), { status: "Error", error: "Mandatory parameter business_id is missing" });
    const worse = await post(directoryToken, { first_name: "", email: "nope" });
    assert.equal(
      worse.json().error,
      "Mandatory parameter business_id is missing, Mandatory parameter first_name is missing, Parameter email must be a valid email",
    );
    const wrong = await post(directoryToken, { business_id: 7 });
    assert.equal(wrong.json().error, "Parameter business_id must be string");
    const list = await send(world, "POST", "/platform/v1/leadgen", { token: directoryToken, body: "[]" });
    assert.equal(list.json().error, "Mandatory parameter business_id is missing, The body must be an object");
    const reading = await send(world, "GET", "/platform/v1/clients", { token: directoryToken });
    assert.equal(reading.statusCode, 422);
    assert.equal(reading.json().error, "Mandatory parameter X-On-Behalf-Of is missing");
  });

  test("an app token acts in its own business unless another within its reach is named", async () => {
    assert.equal(await receiver(() => post(appToken, {})), clinic);
    assert.equal(await receiver(() => post(appToken, { business_id: clinic.workspace.uid })), clinic);
    assert.equal((await post(appToken, { business_id: sister.workspace.uid })).statusCode, 401);
    assert.equal(await receiver(() => post(directoryAppToken, { business_id: sister.workspace.uid })), sister);
    assert.equal((await post(directoryAppToken, { business_id: stranger.workspace.uid })).statusCode, 401);
    assert.equal((await post(directoryAppToken, {})).statusCode, 422);
  });

  test("reading on behalf of a business shows that business alone", async () => {
    const { uid } = created(await post(directoryToken, {}, behalfOf(sister)));
    const read = (headers: Record<string, string>) =>
      send(world, "GET", `/platform/v1/clients/${uid}`, { token: directoryToken, headers }).then(({ statusCode }) => statusCode);
    assert.equal(await read(behalfOf(sister)), 200);
    assert.equal(await read(behalfOf(clinic)), 422);
    assert.equal(await read(behalfOf(stranger)), 401);
  });
});

describe("how a token is written (vcita 2)", () => {
  for (const url of ["/platform/v1/leadgen", "/v1/partners/leads"]) {
    for (const [form, authorization] of [
      ["Bearer T", `Bearer ${directoryToken}`],
      ['Token token="T"', `Token token="${directoryToken}"`],
      ["Token token=T", `token token=${directoryToken}`],
      ["Token T", `Token ${directoryToken}`],
    ] as const) {
      test(`${form} on ${url}`, async () => {
        const response = await send(world, "POST", url, {
          body: request({ business_id: sister.workspace.uid, system_message: "hello" }),
          headers: { authorization },
        });
        assert.equal(response.statusCode, 201, response.body);
      });
    }
  }

  test("a key is 64 hex characters", () => {
    assert.match(directoryToken, /^[0-9a-f]{64}$/);
    assert.notEqual(directoryToken, staffToken);
  });
});
