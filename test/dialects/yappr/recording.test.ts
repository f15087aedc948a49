import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { pino } from "pino";
import { finishRecording } from "../../../src/core/recordings/finishRecording.ts";
import { recordingFile } from "../../../src/core/recordings/recording.ts";
import { signRecordingLink } from "../../../src/core/recordings/recordingLink.ts";
import { startRecording } from "../../../src/core/recordings/startRecording.ts";
import { newId } from "../../../src/platform/ids.ts";
import { wavHeader } from "../../../src/voice/recording/wav-header.ts";
import { callingTenant } from "../../engine/support.ts";
import { until } from "../../support/until.ts";
import { send, startWorld } from "../../support/world.ts";

const folder = mkdtempSync(join(tmpdir(), "leadline-yappr-recordings-"));
const logged: string[] = [];
const log = pino({ level: "error" }, { write: (line: string) => void logged.push(line) });
const world = await startWorld({ environment: { RECORDINGS_DIR: folder }, log });
after(() => rmSync(folder, { recursive: true }));

const { house } = world;
const tenant = await callingTenant(world, { callLimit: 1_000 });
const { token } = await tenant.key("yappr");
const STARTED = new Date("2026-06-01T10:00:00Z");
let numbers = 0;

interface Given {
  state?: "ended" | "in_progress";
  /** Of samples; without it, no file. */
  dataBytes?: number;
  /** The voice node wrote the end into the row. */
  finished?: boolean;
}

/** A call with a recording, as the voice node leaves it. */
async function given({ state = "ended", dataBytes = 64_000, finished = true }: Given = {}) {
  await tenant.place(`+9725013${String(++numbers).padStart(5, "0")}`);
  const call = (await tenant.calls()).at(-1);
  assert.ok(call);
  await house.db.pool.query(
    "update calls set status = $2, outcome = $3, answered_at = $4, ended_at = $5 where workspace_id = $6 and id = $1",
    [call.id, state, state === "ended" ? "completed" : null, STARTED, state === "ended" ? new Date() : null, tenant.workspace.id],
  );
  const file = recordingFile(tenant.workspace.id, call.id, STARTED);
  const noted = { workspaceId: tenant.workspace.id, callId: call.id, file, startedAt: STARTED };
  const bytes = Buffer.concat([wavHeader(dataBytes), Uint8Array.from({ length: dataBytes }, (_, index) => index % 251)]);
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  await startRecording(house, noted);
  if (finished) await finishRecording(house, { ...noted, durationMs: dataBytes / 32, bytes: bytes.length });
  return { id: call.id, path, bytes, url: `/calls/${call.id}/recording` };
}

const get = (url: string, headers: Record<string, string> = {}, key: string | null = token) =>
  send(world, "GET", url, { headers, ...(key ? { token: key } : {}) });
const head = (url: string, headers: Record<string, string> = {}, key: string | null = token) =>
  world.server.inject({ method: "HEAD", url, headers: { ...headers, ...(key ? { authorization: `Bearer ${key}` } : {}) } });

/** The link in `recording_url`, without the server's name. */
const linkOf = (id: string, expiresAt?: Date): string => {
  const { sig, exp } = signRecordingLink(house, { workspaceId: tenant.workspace.id, callId: id }, expiresAt);
  return `/calls/${id}/recording?${exp === undefined ? "" : `exp=${exp}&`}sig=${sig}`;
};
const soon = () => new Date(Date.now() + 60_000);

/** Of this process, by what it has open; 0 where that cannot be seen. */
const openFiles = (path: string): number =>
  (process.platform === "linux" ? readdirSync("/proc/self/fd") : []).filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;

/** A file is closed behind its last byte: an answer can arrive before that. */
const closed = (path: string) => until(() => openFiles(path) === 0, { what: "the closing of the file" });

describe("GET /calls/{id}/recording with a key (yappr 7.5)", () => {
  test("the sound itself, with what a player needs to know", async () => {
    const { id, bytes, url, path } = await given();
    const response = await get(url);
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.rawPayload, bytes);
    const { headers } = response;
    assert.equal(headers["content-type"], "audio/wav");
    assert.equal(headers["content-length"], String(bytes.length));
    assert.equal(headers["accept-ranges"], "bytes");
    assert.equal(headers["content-disposition"], `inline; filename="call-${id}.wav"`);
    assert.match(String(headers.etag), /^"[^"]+"$/);
    assert.ok(!Number.isNaN(Date.parse(String(headers["last-modified"]))));
    await closed(path);
  });

  test("the id may be written in capitals; a key of another dialect is as good", async () => {
    const { id, bytes } = await given();
    assert.deepEqual((await get(`/calls/${id.toUpperCase()}/recording`)).rawPayload, bytes);
    const other = (await tenant.key("topcalls")).token;
    assert.equal((await get(`/calls/${id}/recording`, {}, other)).statusCode, 200);
  });

  test("no key, a wrong key, a key without calls:read", async () => {
    const { url } = await given();
    assert.deepEqual([(await get(url, {}, null)).statusCode, (await get(url, {}, null)).json().code], [401, "MISSING_KEY"]);
    assert.equal((await get(url, {}, "ypr_live_nothing")).statusCode, 401);
    const poor = (await tenant.key("yappr", { scopes: ["leads:read"] })).token;
    assert.deepEqual([(await get(url, {}, poor)).statusCode, (await get(url, {}, poor)).json().code], [401, "INSUFFICIENT_SCOPE"]);
  });

  test("another tenant's call, an unknown one, and no id at all are not found", async () => {
    const { url } = await given();
    const stranger = (await (await world.tenant()).key("yappr")).token;
    const foreign = await get(url, {}, stranger);
    const unknown = await get(`/calls/${newId()}/recording`);
    for (const response of [foreign, unknown]) assert.deepEqual([response.statusCode, response.json().code], [404, "NOT_FOUND"]);
    assert.equal((await get("/calls/17/recording")).statusCode, 404);
    assert.equal((await get("/calls/..%2f..%2fetc%2fpasswd/recording")).statusCode, 404);
  });

  test("a call without a recording, one whose file is gone, one that is still running", async () => {
    await tenant.place("+972501400000");
    const bare = (await tenant.calls()).at(-1);
    await house.db.pool.query(
      "update calls set status = 'ended', outcome = 'no_answer', ended_at = now() where workspace_id = $2 and id = $1",
      [bare?.id, tenant.workspace.id],
    );
    const none = await get(`/calls/${bare?.id}/recording`);
    assert.deepEqual([none.statusCode, none.json().code], [404, "RECORDING_UNAVAILABLE"]);
    const gone = await given();
    rmSync(gone.path);
    assert.deepEqual([(await get(gone.url)).statusCode, (await get(gone.url)).json().code], [404, "RECORDING_UNAVAILABLE"]);
    const running = await get((await given({ state: "in_progress", finished: false })).url);
    assert.deepEqual([running.statusCode, running.json().code], [409, "RECORDING_UNAVAILABLE"]);
  });

  test("a recording whose voice node was killed is served as far as its file goes", async () => {
    const { url, bytes, path } = await given({ finished: false });
    // More had been written than the head tells of.
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(12_800, 7)]));
    const response = await get(url);
    assert.equal(response.statusCode, 200);
    assert.equal(response.rawPayload.length, bytes.length + 12_800);
  });

  test("a row that points out of the folder opens nothing", async () => {
    const { id, url } = await given();
    for (const file of ["../../../../etc/passwd", "/etc/passwd", "", ".", "a/../.."]) {
      await house.db.pool.query("update recordings set file = $3 where workspace_id = $1 and call_id = $2", [
        tenant.workspace.id,
        id,
        file,
      ]);
      const response = await get(url);
      assert.notEqual(response.statusCode, 200, file);
      assert.doesNotMatch(response.body, /root:/);
    }
  });
});

describe("parts of a recording (RFC 9110 14)", () => {
  test("a range, one from the end, and one beyond the end", async () => {
    const { url, bytes } = await given();
    const size = bytes.length;
    for (const [range, from, to] of [
      ["bytes=0-43", 0, 43],
      ["bytes=100-199", 100, 199],
      [`bytes=${size - 10}-`, size - 10, size - 1],
      ["bytes=-100", size - 100, size - 1],
      [`bytes=10-${size * 2}`, 10, size - 1],
    ] as const) {
      const response = await get(url, { range });
      assert.equal(response.statusCode, 206, range);
      assert.equal(response.headers["content-range"], `bytes ${from}-${to}/${size}`);
      assert.equal(response.headers["content-length"], String(to - from + 1));
      assert.deepEqual(response.rawPayload, bytes.subarray(from, to + 1));
    }
  });

  test("beyond the end is 416, which says how long it is", async () => {
    const { url, bytes, path } = await given();
    const response = await get(url, { range: `bytes=${bytes.length}-` });
    assert.equal(response.statusCode, 416);
    assert.equal(response.headers["content-range"], `bytes */${bytes.length}`);
    assert.equal(response.rawPayload.length, 0);
    await closed(path);
  });

  test("several ranges, other units and nonsense get the whole", async () => {
    const { url, bytes } = await given();
    for (const range of ["bytes=0-1,5-6", "seconds=1-2", "bytes=z"]) {
      const response = await get(url, { range });
      assert.deepEqual([response.statusCode, response.rawPayload.length], [200, bytes.length]);
    }
  });

  test("If-Range: a part of what was seen before, or the whole of what is there now", async () => {
    const { url, bytes, path } = await given();
    const { etag = "", "last-modified": modified = "" } = (await get(url)).headers as Record<string, string>;
    for (const seen of [etag, modified]) assert.equal((await get(url, { range: "bytes=0-9", "if-range": seen })).statusCode, 206);
    assert.equal((await get(url, { range: "bytes=0-9", "if-range": '"other"' })).statusCode, 200);
    writeFileSync(path, bytes.subarray(0, -4));
    utimesSync(path, new Date(), new Date("2026-06-02T00:00:00Z"));
    for (const seen of [etag, modified]) assert.equal((await get(url, { range: "bytes=0-9", "if-range": seen })).statusCode, 200);
  });

  test("what the client has already is not sent again", async () => {
    const { url, path } = await given();
    const { etag = "" } = (await get(url)).headers as Record<string, string>;
    const again = await get(url, { "if-none-match": etag });
    assert.deepEqual([again.statusCode, again.rawPayload.length, again.headers.etag], [304, 0, etag]);
    assert.equal((await get(url, { "if-match": '"other"' })).statusCode, 412);
    await closed(path);
  });

  test("HEAD tells the same as GET, and sends nothing", async () => {
    const { url, bytes, path } = await given();
    const [got, told] = [await get(url), await head(url)];
    assert.deepEqual([told.statusCode, told.rawPayload.length], [200, 0]);
    for (const name of ["content-type", "content-length", "accept-ranges", "etag", "last-modified", "content-disposition"]) {
      assert.equal(told.headers[name], got.headers[name], name);
    }
    // Range is not defined for HEAD (RFC 9110 14.2).
    const ranged = await head(url, { range: "bytes=0-9" });
    assert.deepEqual([ranged.statusCode, ranged.headers["content-length"]], [200, String(bytes.length)]);
    assert.equal((await head(`/calls/${newId()}/recording`)).statusCode, 404);
    await closed(path);
  });
});

describe("recording links (yappr 7.5)", () => {
  test("recording_url stands in the call once it is over, and opens without a key", async () => {
    const { id, bytes } = await given();
    const url: string = (await get(`/calls/${id}`)).json().recording_url;
    assert.equal(url, `${world.config.publicUrl}${linkOf(id)}`);
    const listed = (await get("/calls?limit=100")).json().data.find((call: { id: string }) => call.id === id);
    assert.equal(listed.recording_url, url);
    const real = `${world.app.url}${new URL(url).pathname}${new URL(url).search}`;
    const response = await fetch(real);
    assert.equal(response.status, 200);
    assert.ok(response.redirected);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes);
    const part = await fetch(real, { headers: { range: "bytes=44-99" } });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(44, 100));
    const told = await fetch(real, { method: "HEAD" });
    assert.deepEqual([told.status, told.headers.get("content-length")], [200, String(bytes.length)]);
  });

  test("there is none while the call runs, and none without a recording", async () => {
    const running = await given({ state: "in_progress", finished: false });
    assert.equal((await get(`/calls/${running.id}`)).json().recording_url, null);
    await tenant.place("+972501400001");
    const bare = (await tenant.calls()).at(-1);
    assert.equal((await get(`/calls/${bare?.id}`)).json().recording_url, null);
  });

  test("the permanent link leads to one of ten minutes", async () => {
    const { id } = await given();
    for (const response of [await get(linkOf(id), {}, null), await head(linkOf(id), {}, null)]) {
      assert.equal(response.statusCode, 302);
      assert.equal(response.headers["cache-control"], "no-store");
      const exp = Number(new URLSearchParams(String(response.headers.location)).get("exp"));
      const minutes = (exp - Date.now() / 1000) / 60;
      assert.ok(minutes > 9.5 && minutes <= 10, `${minutes}`);
    }
  });

  test("a short-lived link is good until its time, and its time cannot be changed", async () => {
    const { id, bytes } = await given();
    assert.deepEqual((await get(linkOf(id, soon()), {}, null)).rawPayload, bytes);
    assert.equal((await get(linkOf(id, soon()), { range: "bytes=0-3" }, null)).body, "RIFF");
    assert.equal((await head(linkOf(id, soon()), {}, null)).statusCode, 200);
    const past = linkOf(id, new Date(Date.now() - 1_000));
    const expired = await get(past, {}, null);
    assert.deepEqual([expired.statusCode, expired.json().code], [410, "RECORDING_LINK_EXPIRED"]);
    const longer = past.replace(/exp=\d+/, `exp=${Math.floor(Date.now() / 1000) + 600}`);
    assert.equal((await get(longer, {}, null)).json().code, "RECORDING_LINK_INVALID");
    assert.equal((await get(past.replace(/exp=\d+&/, ""), {}, null)).json().code, "RECORDING_LINK_INVALID");
  });

  test("a link opens its own call only, also beside a good key", async () => {
    const [one, other] = [await given(), await given()];
    const wrong = linkOf(one.id).replace(one.id, other.id);
    for (const key of [null, token]) {
      const response = await get(wrong, {}, key);
      assert.deepEqual([response.statusCode, response.json().code], [403, "RECORDING_LINK_INVALID"]);
    }
    for (const query of ["?sig=", "?sig=x", `?sig=${"A".repeat(64)}`, "?sig=%00"]) {
      assert.ok([400, 403].includes((await get(`${one.url}${query}`, {}, null)).statusCode), query);
    }
    assert.equal((await get(`${one.url}?sig=${"A".repeat(10_000)}`, {}, null)).statusCode, 400);
    assert.equal((await get(`${one.url}?exp=99999999999`, {}, null)).statusCode, 401, "exp alone is no proof");
    assert.equal((await get(`${one.url}?sig=a&sig=b`, {}, null)).statusCode, 401);
  });

  test("a link to a call that has no recording, or is running", async () => {
    const running = await given({ state: "in_progress", finished: false });
    assert.equal((await get(linkOf(running.id, soon()), {}, null)).statusCode, 409);
    const nowhere = await get(linkOf(newId(), soon()), {}, null);
    assert.deepEqual([nowhere.statusCode, nowhere.json().code], [404, "RECORDING_UNAVAILABLE"]);
  });

  test("a link that fails for our own fault is logged without its signature", async () => {
    const { id } = await given();
    await house.db.pool.query("update recordings set file = $3 where workspace_id = $1 and call_id = $2", [
      tenant.workspace.id,
      id,
      "name too long for a file".repeat(20),
    ]);
    assert.equal((await get(linkOf(id, soon()), {}, null)).statusCode, 500);
    const line = logged.find((one) => one.includes(`/calls/${id}/recording`)) ?? assert.fail("not logged");
    assert.doesNotMatch(line, /sig=/);
  });

  test("GET / lists it (yappr 1)", async () => {
    const { endpoints } = (await get("/", {}, null)).json();
    assert.ok(endpoints.some((one: { method: string; path: string }) => one.method === "GET" && one.path === "/calls/{id}/recording"));
  });
});

describe("a recording through a socket", () => {
  const linux = process.platform === "linux" ? false : "looks into /proc";

  test("a client that goes away in the middle leaves no open file", { skip: linux }, async () => {
    const { id, path } = await given({ dataBytes: 32_000_000 });
    for (let time = 0; time < 5; time++) {
      await new Promise<void>((resolve, reject) => {
        const request = httpRequest(`${world.app.url}${linkOf(id, soon())}`, (response) => {
          response.once("data", () => {
            assert.equal(openFiles(path) > 0, true, "it was sent before it was asked for");
            response.destroy();
            resolve();
          });
        });
        request.once("error", reject);
        request.end();
      });
    }
    await closed(path);
  });

  test("40 clients at once each get all of it", async () => {
    const { id, bytes } = await given({ dataBytes: 320_000 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => fetch(`${world.app.url}${linkOf(id, soon())}`).then((response) => response.arrayBuffer())),
    );
    for (const answer of answers) assert.deepEqual(Buffer.from(answer), bytes);
  });
});
