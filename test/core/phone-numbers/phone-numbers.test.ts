import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { listPhoneNumbers } from "../../../src/core/phone-numbers/listPhoneNumbers.ts";
import { newId } from "../../../src/platform/ids.ts";
import { startWorld } from "../../support/world.ts";

const world = await startWorld();

describe("phone numbers of a workspace", () => {
  test("are kept in E.164 with their country, in the order they came", async () => {
    const { ctx } = await world.tenant();
    const id = newId();
    const first = await addPhoneNumber(ctx, { phone: "055-123-4567", friendlyName: "Main", id });
    const second = await addPhoneNumber(ctx, { phone: "+1 212 555 2368" });
    assert.deepEqual([first.id, first.phone, first.country, first.friendly_name], [id, "+972551234567", "IL", "Main"]);
    assert.deepEqual([second.phone, second.country], ["+12125552368", "US"]);
    assert.deepEqual(await listPhoneNumbers(ctx), [first, second]);
  });

  test("20 requests at once for one number add it once, and the others are told which it is", async () => {
    const { ctx } = await world.tenant();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => addPhoneNumber(ctx, { phone: "+972551234567" })));
    const added = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.id] : []));
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    assert.equal(added.length, 1);
    for (const reason of refused) assert.deepEqual([reason.kind, reason.code, reason.existingId], ["conflict", "number_taken", added[0]]);
    assert.equal((await listPhoneNumbers(ctx)).length, 1);
  });

  test("what is no number is refused, and so is who may not", async () => {
    const { ctx } = await world.tenant();
    for (const phone of ["", "abc", "+0551234567", "+97255123456789012"]) {
      await assert.rejects(addPhoneNumber(ctx, { phone }), { kind: "invalid_input" });
    }
    const powerless = { ...ctx, actor: { keyId: null, scopes: new Set<never>() } };
    await assert.rejects(addPhoneNumber(powerless, { phone: "+972551234567" }), { kind: "forbidden", scope: "phone_numbers:write" });
    assert.throws(() => listPhoneNumbers(powerless), { kind: "forbidden", scope: "phone_numbers:read" });
  });
});
