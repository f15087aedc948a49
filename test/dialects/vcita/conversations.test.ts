import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { send, startWorld } from "../../support/world.ts";
import { conversations, lead, messages, newEmail } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("vcita");
const other = await world.tenant();
const otherKey = await other.key("vcita");
const get = (url: string, key = token) => send(world, "GET", url, { token: key });

describe("conversations (vcita 7.1)", () => {
  test("of a client, newest first, in pages", async () => {
    const email = newEmail();
    const made: string[] = [];
    let uid = "";
    for (let count = 0; count < 3; count++) {
      const { conversation_uid, uid: client } = await lead(world, token, { email, request_title: `Request ${count}` });
      made.unshift(conversation_uid);
      uid = client;
    }
    await lead(world, token);
    assert.deepEqual(
      (await conversations(world, token, uid)).map(({ id }) => id),
      made,
    );
    const second = await get(`/platform/v1/clients/${uid}/conversations?per_page=2&page=2`);
    assert.deepEqual(
      second.json().data.conversations.map(({ id }: { id: string }) => id),
      made.slice(2),
    );
    const filtered = await get(`/platform/v1/conversations?client_id=${uid}`);
    assert.deepEqual(filtered.json().data, { conversations: await conversations(world, token, uid) });
  });

  test("every field", async () => {
    const { uid, conversation_uid } = await lead(world, token, { request_title: "Quote" });
    const [{ created_at, updated_at, last_client_action, ...rest } = {}] = await conversations(world, token, uid);
    assert.match(String(created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual([updated_at, last_client_action], [created_at, created_at]);
    assert.deepEqual(rest, {
      id: conversation_uid,
      business_id: tenant.workspace.uid,
      client_id: uid,
      staff_id: null,
      title: "Quote",
      business_unread: true,
      client_unread: false,
      last_business_action: null,
      deep_link: `/app/conversations/${conversation_uid}`,
    });
  });

  test("of the business, by folder: what is unread needs attention, nothing is in the trash", async () => {
    const alone = await world.tenant();
    const key = await alone.key("vcita");
    const read = await lead(world, key.token);
    const unread = await lead(world, key.token);
    await world.house.db.pool.query(
      `update conversations set business_unread = false
       where workspace_id = $1 and id = (select id from conversations where workspace_id = $1 order by id limit 1)`,
      [alone.workspace.id],
    );
    const folder = async (query: string) =>
      (await get(`/platform/v1/conversations${query}`, key.token)).json().data.conversations.map(({ id }: { id: string }) => id);
    const all = [unread.conversation_uid, read.conversation_uid];
    assert.deepEqual(await folder(""), all);
    assert.deepEqual(await folder("?folder=inbox"), all);
    assert.deepEqual(await folder("?folder=nosuchfolder"), all);
    assert.deepEqual(await folder("?folder=attention"), [unread.conversation_uid]);
    assert.deepEqual(await folder("?folder=trash"), []);
    const [message] = await messages(world, key.token, read.conversation_uid);
    assert.equal(message?.was_read, true);
  });

  test("422 when the client is unknown or another tenant's", async () => {
    const { uid } = await lead(world, otherKey.token);
    for (const url of [
      `/platform/v1/clients/${uid}/conversations`,
      "/platform/v1/clients/x/conversations",
      `/platform/v1/conversations?client_id=${uid}`,
    ]) {
      const response = await get(url);
      assert.equal(response.statusCode, 422);
      assert.deepEqual(response.json(), { status: "Error", error: "Client not found" });
    }
  });
});

describe("GET /v2/conversations/:uid/messages (vcita 7.2)", () => {
  test("a bare list, oldest first, in pages, in the business's own time", async () => {
    const { conversation_uid } = await lead(world, token, { request_data: { a: "b" }, system_message: "Introducing <b>Jane</b>" });
    // Nothing writes a second message yet, so the store gets one.
    await world.house.db.pool.query(
      `insert into messages (workspace_id, id, conversation_id, direction, text, created_at)
       select workspace_id, 'ffffffff-ffff-7fff-bfff-ffffffffffff', conversation_id, 'business_to_client', 'Hello Jane', '2026-01-10T21:19:05Z'
       from messages where workspace_id = $1 order by id desc limit 1`,
      [tenant.workspace.id],
    );
    const said = await messages(world, token, conversation_uid);
    assert.deepEqual(
      said.map(({ text, direction }) => [text, direction]),
      [
        ["Introducing <b>Jane</b>\na: b", "client_to_business"],
        ["Hello Jane", "business_to_client"],
      ],
    );
    assert.equal(said[1]?.created_at, "2026-01-10T23:19:05.000+02:00");
    assert.equal(said[0]?.conversation_uid, conversation_uid);
    assert.match(String(said[0]?.uid), /^[a-z0-9]{16}$/);
    const second = await get(`/v2/conversations/${conversation_uid}/messages?per_page=1&page=2`);
    assert.deepEqual(second.json(), [said[1]]);
  });

  test("404 when the conversation is unknown or another tenant's", async () => {
    const { conversation_uid } = await lead(world, otherKey.token);
    for (const uid of [conversation_uid, "0000000000000000", "x"]) {
      const response = await get(`/v2/conversations/${uid}/messages`);
      assert.equal(response.statusCode, 404);
      assert.deepEqual(response.json(), { error: "Couldn't find Conversation" });
    }
  });

  test("a bad page is refused", async () => {
    const { conversation_uid } = await lead(world, token);
    const response = await get(`/v2/conversations/${conversation_uid}/messages?page=0`);
    assert.equal(response.statusCode, 422);
    assert.deepEqual(response.json(), { error: "Parameter page must be >= 1" });
  });
});
