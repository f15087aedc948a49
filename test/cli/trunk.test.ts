import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { TrunkView } from "../../src/core/trunks/trunk-view.ts";
import { newId } from "../../src/platform/ids.ts";
import { createSecretBox } from "../../src/platform/secrets.ts";
import { ownStore } from "./own-store.ts";
import { leadline, leadlineJson } from "./warm.ts";

const store = await ownStore();
const options = { env: store.env };
const secrets = createSecretBox(store.env.MASTER_KEY ?? "");
const trunk = (...args: string[]) => leadline(["trunk", ...args], options);
const PROVIDER = ["--name", "Provider", "--gateway", "udp:sip.example.com:5060", "tls:[2001:db8::1]"];

const passwordOf = async (name: string): Promise<string | undefined> => {
  const [row] = await store.query<{ password: Buffer | null }>("select password from trunks where name = $1", [name]);
  return row?.password ? secrets.open(row.password) : undefined;
};

/** A command with something on its standard input. */
async function withInput(args: readonly string[], input: string) {
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, ...store.env } });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { out, err, code: code as number | null };
}

test("without a trunk, the commands say what that means and how to add one", async () => {
  const { code, out } = await trunk("list");
  assert.equal(code, 0);
  assert.match(out, /^No trunks yet: calls go to the simulated carrier\. Add one: leadline trunk add [^\n]*\n$/);
  assert.deepEqual(await leadlineJson(["trunk", "list"], options), []);
  assert.match((await leadline(["doctor"], options)).out, /telephone +There is no trunk/);
});

describe("trunk add", () => {
  test("takes every setting, keeps the password to itself, and says what to do next", async () => {
    const more = ["--username", "clinic", "--password", "hunter2", "--register", "--codecs", "PCMU,pcma", "--srtp", "offer"];
    const limits = ["--max-channels", "20", "--cps", "0.5", "--domain", "clinic.example.com", "--caller-id", "international"];
    const inbound = ["--allow-inbound", "203.0.113.0/24,198.51.100.7", "--allow-inbound", "2001:db8::/32"];
    const { code, out, err } = await trunk("add", ...PROVIDER, ...more, ...limits, ...inbound);
    assert.equal(err, "");
    assert.equal(code, 0);
    assert.match(out, /^gateways +udp:sip\.example\.com:5060, tls:\[2001:db8::1\]:5061$/m);
    assert.match(out, /^password +kept encrypted$/m);
    assert.match(out, /^Try it: +leadline trunk test Provider$/m);
    assert.match(out, /keys of encrypted audio can be read on the way to a gateway without TLS/);
    assert.ok(!out.includes("hunter2"));
    assert.equal(await passwordOf("Provider"), "hunter2");
    const { id, created_at, updated_at, ...shown } = await leadlineJson<Record<string, unknown>>(["trunk", "show", "provider"], options);
    assert.deepEqual(shown, {
      name: "Provider",
      gateways: [
        { protocol: "udp", host: "sip.example.com", port: 5060 },
        { protocol: "tls", host: "2001:db8::1", port: 5061 },
      ],
      domain: "clinic.example.com",
      username: "clinic",
      register: true,
      codecs: ["PCMU", "PCMA"],
      caller_id: "international",
      srtp: "offer",
      max_channels: 20,
      calls_per_second: 0.5,
      inbound_networks: ["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32"],
      version: 1,
      channels_in_use: 0,
      number_count: 0,
      health: [],
      numbers: [],
    });
    const { numbers, ...listed } = shown;
    assert.deepEqual(await leadlineJson(["trunk", "list"], options), [{ id, created_at, updated_at, ...listed }]);
  });

  test("reads the password from standard input, without the end of its line", async () => {
    const args = ["trunk", "add", "--name", "Piped", "--gateway", "udp:192.0.2.1", "--username", "u", "--password", "-"];
    const { code, out } = await withInput(args, "from a file \n");
    assert.equal(code, 0);
    assert.ok(!out.includes("from a file"));
    assert.equal(await passwordOf("Piped"), "from a file ");
    const empty = await withInput(["trunk", "update", "Piped", "--password", "-"], "");
    assert.deepEqual([empty.code, empty.err], [1, "leadline: There is no password on standard input.\n"]);
    assert.equal(await passwordOf("Piped"), "from a file ");
  });

  const refusals: Array<[what: string, args: string[], says: RegExp]> = [
    ["no gateway", ["--name", "X"], /--gateway/],
    ["no name", ["--gateway", "udp:192.0.2.1"], /--name/],
    ["a name that is taken", ["--name", "PROVIDER", "--gateway", "udp:192.0.2.1"], /There is a trunk PROVIDER already/],
    ["all that is wrong", ["--name", "X", "--gateway", "192.0.2.1", "--codecs", "opus", "--register"], /no gateway.*opus.*registers needs/],
    ["a limit that is none", ["--name", "X", "--gateway", "udp:192.0.2.1", "--max-channels", "many"], /whole number/],
    ["a rate that is none", ["--name", "X", "--gateway", "udp:192.0.2.1", "--cps", "1/s"], /number, such as 5 or 0\.5/],
    ["another srtp", ["--name", "X", "--gateway", "udp:192.0.2.1", "--srtp", "yes"], /Allowed choices are off, offer, require/],
    ["everybody", ["--name", "X", "--gateway", "udp:192.0.2.1", "--allow-inbound", "0.0.0.0/0"], /strangers could call in.* add --yes\./],
  ];
  for (const [what, args, says] of refusals) {
    test(`${what}: one sentence, exit code 1, nothing on standard output`, async () => {
      const { code, out, err } = await trunk("add", ...args);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, /^leadline: [^\n]+\n$/);
      assert.match(err, says);
    });
  }

  test("--yes lets everybody call in", async () => {
    const made = await leadlineJson<{ inbound_networks: string[] }>(
      ["trunk", "add", "--name", "Open", "--gateway", "udp:192.0.2.1", "--allow-inbound", "0.0.0.0/0", "--yes"],
      options,
    );
    assert.deepEqual(made.inbound_networks, ["0.0.0.0/0"]);
  });
});

describe("trunk update", () => {
  test("changes what is given, and takes settings away", async () => {
    const more = ["--username", "u", "--password", "p", "--max-channels", "3", "--cps", "1", "--domain", "d.example"];
    await trunk("add", "--name", "Change me", "--gateway", "udp:192.0.2.1", ...more, "--allow-inbound", "203.0.113.0/24");
    const first = ["trunk", "update", "Change me", "--name", "Changed", "--gateway", "tcp:192.0.2.9", "--register", "--password", "second"];
    const renamed = await leadlineJson<TrunkView>(first, options);
    assert.deepEqual([renamed.name, renamed.register, renamed.version, renamed.max_channels], ["Changed", true, 2, 3]);
    assert.deepEqual(renamed.gateways, [{ protocol: "tcp", host: "192.0.2.9", port: 5060 }]);
    assert.equal(await passwordOf("Changed"), "second");
    const gone = ["--no-register", "--no-username", "--no-domain", "--no-max-channels", "--no-cps", "--no-allow-inbound"];
    const bare = await leadlineJson<TrunkView>(["trunk", "update", "changed", ...gone], options);
    assert.deepEqual(
      [bare.register, bare.username, bare.domain, bare.max_channels, bare.calls_per_second, bare.inbound_networks, bare.version],
      [false, null, null, null, null, [], 3],
    );
    assert.equal(await passwordOf("Changed"), undefined);
  });

  test("of nothing and of nobody is refused", async () => {
    assert.match((await trunk("update", "Provider")).err, /^leadline: There is nothing to change\.\n$/);
    assert.match((await trunk("update", "Nobody", "--cps", "1")).err, /^leadline: There is no trunk Nobody\.\n$/);
    assert.match((await trunk("update", "Provider", "--no-username")).err, /registers needs a username/);
  });
});

describe("what is known of a trunk", () => {
  test("list and show say how it is, with ages, and doctor what is wrong", async () => {
    const view = await leadlineJson<TrunkView>(["trunk", "show", "Provider"], options);
    const node = newId();
    // The commands may take longer than a node speaks for.
    await store.query("insert into nodes (id, host, pid, heartbeat_at) values ($1, $2, 4711, now() + interval '1 hour')", [
      node,
      hostname(),
    ]);
    const found = (gateway: string, check: string, state: string, detail: string, since: string) =>
      store.query(
        `insert into trunk_health (trunk_id, node_id, gateway, check_kind, state, detail, changed_at, checked_at)
         values ($1, $2, $3, $4, $5, $6, now() - $7::interval, now() - interval '12 minutes')`,
        [view.id, node, gateway, check, state, detail, since],
      );
    await found("udp:sip.example.com:5060", "options", "up", "answers in 12 ms", "3 hours 20 minutes");
    await found("udp:sip.example.com:5060", "registration", "up", "registered as clinic for 600 s", "2 days");
    const line = async () => (await trunk("list")).out.split("\n").find((one) => one.startsWith("Provider"));
    assert.match((await line()) ?? "", / up +0 of 20 +0 /);
    await found("udp:sip.example.com:5060", "calls", "down", "the last call failed: no codec", "1 minute");
    assert.match((await line()) ?? "", / up +0 of 20 +0 /, "one call that failed says little of the next");
    const note = await leadline(["doctor"], { env: { ...store.env, SIP_LISTEN: "udp:127.0.0.1:0" } });
    assert.match(note.out, /- +trunk Provider +udp:sip\.example\.com:5060 is up, but the last call failed: no codec/);
    await found("tls:[2001:db8::1]:5061", "options", "down", "timed out", "5 minutes");
    await store.query("update trunk_capacity set in_use = 3 where trunk_id = $1", [view.id]);
    assert.match((await line()) ?? "", / partly down +3 of 20 +0 /);
    const { out } = await trunk("show", "Provider");
    assert.match(out, new RegExp(`udp:sip\\.example\\.com:5060 +reachable +yes +3 h +12 min ago +${hostname()}/4711 +answers in 12 ms`));
    assert.match(out, /udp:sip\.example\.com:5060 +registered +yes +2 d +12 min ago .* registered as clinic for 600 s/);
    assert.match(out, /udp:sip\.example\.com:5060 +calls +NO +1 min +12 min ago .* the last call failed: no codec/);
    assert.match(out, /tls:\[2001:db8::1\]:5061 +reachable +NO +5 min +12 min ago .* timed out/);
    assert.match(out, /^channels in use +3 of 20$/m);
    assert.match(out, /No numbers on it yet\./);
    const doctor = await leadline(["doctor"], { env: { ...store.env, SIP_LISTEN: "udp:127.0.0.1:0" } });
    assert.equal(doctor.code, 1);
    assert.match(
      doctor.out,
      /WRONG +trunk Provider +options at tls:\[2001:db8::1\]:5061 from .*: timed out\. See: leadline trunk show Provider/,
    );
    assert.match(doctor.out, /- +trunk Piped +not checked lately/);
    await store.query("delete from nodes");
    assert.match((await trunk("show", "Provider")).out, /No voice node has checked this trunk lately/);
    assert.match((await line()) ?? "", / not checked /);
  });

  test("of nobody is refused", async () => {
    const { code, out, err } = await trunk("show", "Nobody");
    assert.deepEqual([code, out, err], [1, "", "leadline: There is no trunk Nobody.\n"]);
  });
});

describe("doctor on the telephone", () => {
  const doctor = async (env: Record<string, string>) =>
    (await leadlineJson<{ findings: Array<{ about: string; state: string; text: string }> }>(["doctor"], {
      env: { ...store.env, ...env },
    }).catch(async () => JSON.parse((await leadline(["doctor", "--json"], { env: { ...store.env, ...env } })).out))) as {
      findings: Array<{ about: string; state: string; text: string }>;
    };
  const finding = async (env: Record<string, string>, about: string) => {
    const { findings } = await doctor(env);
    return findings.filter((one) => one.about === about).map(({ state, text: words }) => `${state} ${words}`);
  };

  test("says whether SIP can listen", async () => {
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    try {
      const listen = `udp:127.0.0.1:${port},tcp:127.0.0.1:${port},udp:192.0.2.1:5060`;
      const found = await finding({ SIP_LISTEN: listen }, "SIP");
      assert.match(found[0] ?? "", new RegExp(`^problem udp:127\\.0\\.0\\.1:${port} is taken by another program\\.`));
      assert.match(found[2] ?? "", /^problem udp:192\.0\.2\.1:5060 cannot be opened: 192\.0\.2\.1 is no address of this machine/);
      await store.query("insert into nodes (id, host, pid, heartbeat_at) values ($1, $2, 4711, now() + interval '1 hour')", [
        newId(),
        hostname(),
      ]);
      const running = await finding({ SIP_LISTEN: listen }, "SIP");
      assert.match(running[0] ?? "", new RegExp(`^ok udp:127\\.0\\.0\\.1:${port} is taken, by the server that runs here\\.`));
    } finally {
      await store.query("delete from nodes");
      taken.close();
    }
  });

  test("says what is wrong with the certificate", async () => {
    const listen = { SIP_LISTEN: "tls:127.0.0.1:0" };
    assert.match((await finding(listen, "SIP over TLS"))[0] ?? "", /^problem .*needs SIP_TLS_CERT and SIP_TLS_KEY\./);
    const missing = { ...listen, SIP_TLS_CERT: "/nowhere/cert.pem", SIP_TLS_KEY: "/nowhere/key.pem" };
    assert.match((await finding(missing, "SIP over TLS"))[0] ?? "", /^problem \/nowhere\/cert\.pem cannot be used: .*See to SIP_TLS_CERT/);
    // OpenSSL takes anything there.
    const nobody = { SIP_LISTEN: "udp:127.0.0.1:0", SIP_TLS_CA: fileURLToPath(import.meta.url) };
    assert.match((await finding(nobody, "SIP over TLS"))[0] ?? "", /^problem .*See to SIP_TLS_CERT/);
  });

  test("says whether there are ports enough for the trunks' channels", async () => {
    const [few] = await finding({ SIP_LISTEN: "udp:127.0.0.1:0", RTP_PORTS: "20000-20009" }, "audio ports");
    assert.match(few ?? "", /^problem RTP_PORTS 20000-20009 carries 5 calls, but the trunks have 20 channels\. Set RTP_PORTS=20000-20039,/);
    const [enough] = await finding({ SIP_LISTEN: "udp:127.0.0.1:0", RTP_PORTS: "20000-20039" }, "audio ports");
    assert.match(enough ?? "", /^ok UDP 20000-20039: room for 20 calls/);
  });

  test("says whether agents have a voice, once a number is on a trunk", async () => {
    const env = { SIP_LISTEN: "udp:127.0.0.1:0" };
    assert.deepEqual(await finding(env, "agents' voice"), []);
    await leadline(["workspace", "create", "--name", "Clinic", "--time-zone", "UTC", "--country", "IL"], options);
    await leadline(["number", "add", "+972551119999", "--trunk", "Open"], options);
    const without = { ...env, PATH: "/nowhere" };
    assert.match((await finding(without, "agents' voice"))[0] ?? "", /^problem Agents say nothing: espeak-ng is not installed/);
    const [service] = await finding({ ...without, TTS_URL: "https://speech.example/v1" }, "agents' voice");
    assert.equal(service, "ok gpt-4o-mini-tts of https://speech.example");
    assert.match((await finding({ ...env, TTS_PROVIDER: "none" }, "agents' voice"))[0] ?? "", /^problem TTS_PROVIDER is none/);
    assert.match((await finding({ ...env, TTS_PROVIDER: "openai" }, "agents' voice"))[0] ?? "", /^problem .*TTS_URL is not set/);
  });
});

/** Answers every request over UDP with the status for its method, as RFC 3261 8.2.6.2 has it. */
async function gateway(statusOf: Record<string, string>): Promise<{ port: number; asked: string[]; close(): void }> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  let last: string | undefined;
  socket.on("message", (bytes, { address, port }) => {
    const [start = "", ...lines] = bytes.toString("utf8").split("\r\n");
    const method = start.split(" ")[0] ?? "";
    // A request that comes again, because an answer took half a second, is the same.
    const branch = lines.join().match(/;branch=([^;,]+)/)?.[1];
    if (branch !== last) asked.push(method);
    last = branch;
    const copied = lines.filter((line) => /^(via|from|call-id|cseq):/i.test(line));
    const to = lines.find((line) => /^to:/i.test(line));
    const answer = [`SIP/2.0 ${statusOf[method] ?? "501 Not Implemented"}`, ...copied, `${to};tag=gw`, "Content-Length: 0", "", ""];
    socket.send(answer.join("\r\n"), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, asked, close: () => socket.close() };
}

describe("trunk test", () => {
  test("asks the gateway, and says that all is well", async () => {
    const peer = await gateway({ OPTIONS: "200 OK" });
    try {
      await trunk("add", "--name", "Peer", "--gateway", `udp:127.0.0.1:${peer.port}`);
      const { code, out, err } = await trunk("test", "Peer");
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, new RegExp(`udp:127\\.0\\.0\\.1:${peer.port} +name +ok`));
      assert.match(out, new RegExp(`udp:127\\.0\\.0\\.1:${peer.port} +OPTIONS +ok +\\d+ ms +answers in \\d+ ms`));
      assert.match(out, /\n\nAll is well\.\n$/);
      assert.deepEqual(peer.asked, ["OPTIONS"]);
    } finally {
      peer.close();
    }
  });

  test("says what is wrong at each gateway, with exit code 1, and never the password", async () => {
    const peer = await gateway({ OPTIONS: "200 OK", REGISTER: "403 Forbidden" });
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    try {
      const gateways = ["--gateway", `udp:127.0.0.1:${peer.port}`, `tcp:127.0.0.1:${port}`, "udp:nowhere.invalid"];
      await trunk("add", "--name", "Ill", ...gateways, "--username", "clinic", "--password", "hunter2", "--register");
      const { code, out } = await trunk("test", "Ill");
      assert.equal(code, 1);
      assert.match(out, new RegExp(`udp:127\\.0\\.0\\.1:${peer.port} +OPTIONS +ok`));
      assert.match(out, new RegExp(`udp:127\\.0\\.0\\.1:${peer.port} +registration +WRONG .*403 Forbidden`));
      assert.match(out, new RegExp(`tcp:127\\.0\\.0\\.1:${port} +OPTIONS +WRONG .*refused`));
      assert.match(out, /udp:nowhere\.invalid +name +WRONG .*cannot be resolved/);
      assert.ok(!out.includes("hunter2"));
      const json = await leadline(["trunk", "test", "Ill", "--json"], options);
      assert.equal(json.code, 1);
      assert.equal((JSON.parse(json.out) as { ok: boolean }).ok, false);
    } finally {
      peer.close();
    }
    assert.match((await trunk("test", "Nobody")).err, /^leadline: There is no trunk Nobody\.\n$/);
  });
});

describe("trunk remove", () => {
  test("is refused while numbers are on it, unless by force", async () => {
    const { code, err } = await trunk("remove", "Open");
    assert.equal(code, 1);
    assert.match(
      err,
      /^leadline: The trunk Open has a number on it: \+972551119999 \(Clinic\)\. Put them on another with [^\n]*--force\.\n$/,
    );
    const { out } = await trunk("remove", "Open", "--force");
    assert.equal(out, "The trunk Open is removed. Calls from +972551119999 go to the simulated carrier now.\n");
    assert.match((await trunk("show", "Open")).err, /There is no trunk Open/);
    const removed = await leadlineJson<{ name: string; numbers_taken_off: string[] }>(["trunk", "remove", "piped"], options);
    assert.deepEqual([removed.name, removed.numbers_taken_off], ["Piped", []]);
  });
});
