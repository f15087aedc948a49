import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { hurry } from "../../src/platform/hurry.ts";
import { ask, credentialsOf, jsonOf, leadlineJson, type Server, startServer, temporaryFolder } from "../cli/support.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { type Baresip, startBaresip } from "./support/baresip.ts";
import { compareMoved } from "./support/compare-sound.ts";
import { pausesIn } from "./support/pauses-in.ts";
import { freePort } from "./support/ports.ts";
import { readWav, writeWav } from "./support/sound.ts";
import { spoken } from "./support/spoken.ts";

/** `leadline start` as it is shipped, set up as people do it: by its command line and over HTTP, with a telephone at the other end. */
const skip = missing("baresip", "espeak-ng");
const folder = temporaryFolder();
const DATA_DIR = join(folder, "data");
const NUMBER = "+972551112233";
const PERSON = "+972501234567";

interface Call {
  id: string;
  agent_id: string;
  status: string;
  direction: string;
  from: string;
  to: string;
  ended_by: string | null;
  duration_seconds: number;
  recording_url: string;
  transcript: Array<{ text: string }>;
  lead?: { id: string };
  line: {
    answered_at: string | null;
    error: string | null;
    sip_status: number;
    media_quality: Record<"packets_sent" | "packets_received" | "packets_lost" | "jitter_ms" | "mos", number> & { codec: string };
  };
}

describe("the shipped product and a telephone", { skip, concurrency: false }, () => {
  const command = <T>(...args: string[]) => leadlineJson<T>(args, { env: { DATA_DIR } });
  const get = (path: string, withKey: string) => ask(`${server.url}${path}`, withKey);

  let server: Server;
  let sipPort: number;
  let phone: Baresip;
  let clinic: string;
  let key: string;
  let agentId: string;
  let called: Call;

  const assertHeard = async (text: string, heard: Int16Array) => {
    const found = compareMoved(await spoken(text), heard);
    assert.ok(found.correlation > 0.9, `${text}: ${JSON.stringify(found)}`);
  };
  /** The telephone listens for five seconds and hangs up; what it has heard. */
  const listen = async (call: number): Promise<Int16Array> => {
    const file = await until(() => phone.heard()[call], { what: "what the telephone hears" });
    await until(() => statSync(file).size > 8_000 * 2 * 5, { what: "five seconds of sound", withinMs: 30_000 });
    phone.command("hangup");
    await phone.event("CALL_CLOSED");
    // Its header is filled in last.
    return until(() => readWav(file).channels.find((channel) => channel.length > 0), { what: "a whole file" });
  };
  const over = (id: string) =>
    until(
      async () => {
        const call = await jsonOf<Call>(get(`/calls/${id}`, key));
        return !["queued", "ringing", "in-progress"].includes(call.status) && call;
      },
      { what: `the end of call ${id}`, withinMs: 20_000 },
    );

  before(async () => {
    sipPort = await freePort();
    const rtp = 20_000 + 2 * Math.floor(Math.random() * 5_300);
    server = await startServer({ DATA_DIR, SIP_LISTEN: `udp:127.0.0.1:${sipPort}`, RTP_PORTS: `${rtp}-${rtp + 199}` });
    const silence = join(folder, "silence.wav");
    writeWav(silence, new Int16Array(8_000 * 120));
    // The telephone inherits it.
    hurry();
    phone = await startBaresip({ plays: silence, user: PERSON });
  });

  test("a workspace, its key, a trunk, an agent and a number are made while it runs", async () => {
    const create = ["workspace", "create", "--name", "Clinic", "--time-zone", "Asia/Jerusalem", "--country", "IL"];
    clinic = (await command<{ uid: string }>(...create)).uid;
    key = (await command<{ key: string }>("key", "create", "--dialect", "yappr", "--workspace", clinic)).key;
    await command("trunk", "add", "--name", "Provider", "--gateway", `udp:127.0.0.1:${phone.port}`, "--allow-inbound", "127.0.0.1");
    const settings = {
      name: "Noa",
      system_prompt: "Be kind.",
      language: "en",
      greeting_message: "Hello {{LeadName}}, this is the clinic.",
    };
    agentId = (await jsonOf<{ id: string }>(ask(`${server.url}/agents`, key, settings))).id;
    const add = ["number", "add", NUMBER, "--workspace", clinic, "--trunk", "Provider", "--inbound-agent", agentId];
    assert.equal((await command<{ trunk: string }>(...add)).trunk, "Provider");
  });

  test("POST /calls rings the telephone, which hears the agent; GET /calls/{id} says what became of it, and how good the line was", async () => {
    const body = { agent_id: agentId, from: NUMBER, to: PERSON, variables: { LeadName: "Dana" } };
    const { id } = await jsonOf<{ id: string }>(ask(`${server.url}/calls`, key, body));
    await phone.event("CALL_ESTABLISHED");
    const heard = await listen(0);
    called = await over(id);
    const { line } = called;
    assert.deepEqual(
      [called.status, called.direction, called.from, called.to, called.ended_by],
      ["completed", "outbound", NUMBER, PERSON, "caller"],
      JSON.stringify(line),
    );
    assert.deepEqual([line.sip_status, line.error], [200, null]);
    assert.ok(line.answered_at !== null && called.duration_seconds >= 4, JSON.stringify(called));
    assert.equal(called.transcript[0]?.text, "Hello Dana, this is the clinic.");
    await assertHeard("Hello Dana, this is the clinic.", heard);
    const { codec, packets_sent, packets_received, packets_lost, jitter_ms, mos } = line.media_quality;
    assert.ok(codec === "PCMA" && packets_sent > 100 && packets_received > 100, JSON.stringify(line));
    assert.ok(packets_lost < packets_received && jitter_ms >= 0 && mos > 1 && mos < 5, JSON.stringify(line));
    const shown = await command<{ outcome: string; sip_status: number }>("call", "show", id, "--workspace", clinic);
    assert.deepEqual([shown.outcome, shown.sip_status], ["completed", 200]);
  });

  test("recording_url opens without a key: whole, in part, and to HEAD", async () => {
    const { recording_url: link } = called;
    assert.ok(link.startsWith(`${server.url}/calls/${called.id}/recording?`), link);
    const whole = await fetch(link);
    assert.deepEqual([whole.status, whole.headers.get("content-type")], [200, "audio/wav"]);
    const bytes = Buffer.from(await whole.arrayBuffer());
    const part = await fetch(link, { headers: { range: "bytes=100-1099" } });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, `bytes 100-1099/${bytes.length}`]);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(100, 1_100));
    const head = await fetch(link, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(bytes.length)]);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
    const file = join(folder, "recording.wav");
    writeFileSync(file, bytes);
    const [caller, agent] = readWav(file).channels;
    assert.equal(caller?.length, agent?.length);
    // Silent for as long as the voice process stood still, but every sample is there.
    const pauses = pausesIn(await spoken("Hello Dana, this is the clinic."), agent ?? new Int16Array());
    assert.notEqual(pauses, undefined, "what the agent said is recorded");
  });

  test("any key of the workspace opens the call and its recording, whatever its dialect; no other workspace's does", async () => {
    const { key: topcalls } = await command<{ key: string }>("key", "create", "--dialect", "topcalls", "--workspace", clinic);
    const answers = async (opener: string) => {
      const all = await Promise.all([get(`/calls/${called.id}`, opener), get(`/calls/${called.id}/recording`, opener)]);
      return all.map(({ status }) => status);
    };
    for (const own of [key, topcalls]) assert.deepEqual(await answers(own), [200, 200]);
    const { yappr, topcalls: theirs, aiployees, vcita_staff, vcita_app } = credentialsOf(DATA_DIR).keys;
    for (const other of [yappr, theirs, aiployees, vcita_staff, vcita_app]) {
      assert.deepEqual(await answers(other), [404, 404]);
      assert.deepEqual((await jsonOf<{ data: unknown[] }>(get("/calls", other))).data, []);
    }
    assert.deepEqual(await answers("nobody's"), [401, 401]);
  });

  test("who calls the number hears the agent, and becomes a lead", async () => {
    phone.command("dial", `sip:${NUMBER}@127.0.0.1:${sipPort}`);
    await phone.event("CALL_ESTABLISHED");
    const heard = await listen(1);
    const { data } = await jsonOf<{ data: Call[] }>(get("/calls?direction=inbound", key));
    assert.equal(data.length, 1);
    const call = await over(data[0]?.id ?? "");
    assert.deepEqual([call.status, call.from, call.to, call.ended_by, call.agent_id], ["completed", PERSON, NUMBER, "caller", agentId]);
    await assertHeard(call.transcript[0]?.text ?? "", heard);
    const lead = await jsonOf<{ phone_number: string; source: string }>(get(`/leads/${call.lead?.id}`, key));
    assert.deepEqual([lead.phone_number, lead.source], [PERSON, "auto"]);
  });
});
