import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { pino } from "pino";
import { readTlsFiles } from "../../../../src/carriers/sip/trunks/followTlsFiles.ts";
import { REAL_PARTS } from "../../../../src/carriers/sip/trunks/line.ts";
import { temporaryFolder } from "../../../sip/support/temporary-folder.ts";
import { until } from "../../../support/until.ts";
import { withAuthority } from "../transport/support/certificates.ts";
import { open } from "../transport/support/endpoints.ts";

const pems = withAuthority(({ ca, issue }) => ({ ca, old: issue("DNS:old.example"), renewed: issue("DNS:new.example") }));

/** An open connection, and the name that it was shown. */
function connection(port: number): Promise<{ socket: TLSSocket; name: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, ca: pems.ca, checkServerIdentity: () => undefined });
    socket.once("error", reject);
    socket.once("secureConnect", () => resolve({ socket, name: String(socket.getPeerCertificate().subjectaltname) }));
  });
}

test("a renewed certificate is shown to new connections, the old ones go on; a broken one is logged, and the one before stays", async (t) => {
  const folder = temporaryFolder();
  const path = (name: string) => join(folder, name);
  const put = (name: "cert" | "key", text: string) => writeFileSync(path(name), text);
  put("cert", pems.old.cert);
  put("key", pems.old.key);
  const lines: string[] = [];
  const agent = await REAL_PARTS.openAgent({
    listen: [{ protocol: "tls", address: "127.0.0.1", port: 0 }],
    settings: { SIP_LISTEN: [], RTP_PORTS: { from: 40_000, to: 40_001 }, SIP_TLS_CERT: path("cert"), SIP_TLS_KEY: path("key") },
    log: pino({ level: "info" }, { write: (line: string) => lines.push(line) }),
    incoming: (invite) => invite.reject(480),
    certificatesMs: 5,
  });
  const port = agent.endpoint.listening[0]?.port ?? 0;
  const first = await connection(port);
  t.after(async () => {
    first.socket.destroy();
    await agent.endpoint.close();
  });
  assert.equal(first.name, "DNS:old.example");

  const shown = async () => {
    const { socket, name } = await connection(port);
    socket.destroy();
    return name;
  };
  const said = (words: string) => until(() => lines.some((line) => line.includes(words)), { what: words });
  // The key is not written yet.
  put("cert", pems.renewed.cert);
  await said("the old ones stay");
  assert.equal(await shown(), "DNS:old.example");
  put("key", pems.renewed.key);
  await said("new connections use the new ones");
  assert.equal(await shown(), "DNS:new.example");
  assert.equal(first.socket.closed, false);

  put("cert", "no PEM text");
  await until(() => lines.length >= 3);
  rmSync(path("cert"));
  await said("SIP_TLS_CERT");
  assert.equal(await shown(), "DNS:new.example");
  writeFileSync(path("other"), pems.old.cert);
  put("key", pems.old.key);
  symlinkSync(path("other"), path("cert"));
  await until(async () => (await shown()) === "DNS:old.example");
  assert.equal(first.socket.closed, false);
});

test("files that are just being written are not used: an empty one does not mean none, and half an authority not that nobody is trusted", async (t) => {
  const endpoint = await open(t);
  for (const ca of ["no PEM text", pems.ca.slice(0, 200)]) assert.throws(() => endpoint.renewTls({ ca }), /SIP_TLS_CA/);
  endpoint.renewTls({ ca: pems.ca });
  const folder = temporaryFolder();
  for (const name of ["SIP_TLS_CERT", "SIP_TLS_KEY", "SIP_TLS_CA"] as const) {
    writeFileSync(join(folder, name), "");
    await assert.rejects(readTlsFiles({ [name]: join(folder, name) }), new RegExp(`${name} .* is empty`));
  }
});
