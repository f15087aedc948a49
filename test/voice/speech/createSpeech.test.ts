import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import { createSpeech, type SpeechOptions } from "../../../src/voice/speech/createSpeech.ts";
import { bytesOf, startSpeechServer } from "./speech-server.ts";
import { sine, spoken } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "leadline-path-"));
after(() => rmSync(folder, { recursive: true }));
const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});

const withoutEspeak = () => {
  process.env.PATH = folder;
};
/** A program of that name which fails at every line. */
const withEspeak = () => {
  writeFileSync(join(folder, "espeak-ng"), "#!/bin/sh\necho 'Pty Language'; [ \"$1\" = --voices ] || exit 5\n");
  chmodSync(join(folder, "espeak-ng"), 0o755);
  process.env.PATH = `${folder}${delimiter}${path}`;
};

async function chosen(options: Partial<SpeechOptions>) {
  const complaints: string[] = [];
  const speech = await createSpeech({ provider: "auto", model: "m", voice: "alloy", ...options }, (message) => complaints.push(message));
  return { speech, complaints };
}

describe("which voice agents have on the telephone", () => {
  test("auto: the service when TTS_URL is set, also beside espeak-ng, and each line is asked for once", async () => {
    withEspeak();
    const { url, requests, close } = await startSpeechServer((_, response) => response.end(bytesOf(sine(500, 24_000, 1))));
    const { speech, complaints } = await chosen({ url });
    assert.ok(speech);
    for (let time = 0; time < 3; time++) assert.equal((await spoken(speech, { voice: "alloy" })).length, 8_000);
    assert.deepEqual([requests.length, complaints], [1, []]);
    await close();
  });

  test("auto without TTS_URL: espeak-ng", async () => {
    withEspeak();
    const { speech } = await chosen({});
    assert.ok(speech);
    await assert.rejects(spoken(speech, {}), /not a WAV file|exit code 5/);
  });

  test("auto without either: none, which is no complaint", async () => {
    rmSync(join(folder, "espeak-ng"), { force: true });
    withoutEspeak();
    assert.deepEqual(await chosen({}), { speech: undefined, complaints: [] });
  });

  test("none is none, whatever there is", async () => {
    withEspeak();
    assert.deepEqual(await chosen({ provider: "none", url: "http://127.0.0.1:9/v1" }), { speech: undefined, complaints: [] });
  });

  test("espeak-ng asked for by name is taken before a service; missing, it is complained of", async () => {
    withEspeak();
    await assert.rejects(
      spoken((await chosen({ provider: "espeak-ng", url: "http://127.0.0.1:9/v1" })).speech ?? assert.fail(), {}),
      /not a WAV file|exit code 5/,
    );
    rmSync(join(folder, "espeak-ng"));
    withoutEspeak();
    const { speech, complaints } = await chosen({ provider: "espeak-ng" });
    assert.equal(speech, undefined);
    assert.match(complaints.join(), /espeak-ng, but it is not installed/);
  });

  test("a key that no header takes is complained of without being shown", async () => {
    for (const apiKey of ["sk-first\nsk-second", "“sk-quoted”", "sk with spaces"]) {
      const { speech, complaints } = await chosen({ url: "http://127.0.0.1:9/v1", apiKey });
      assert.equal(speech, undefined);
      assert.match(complaints.join(), /^TTS_API_KEY has characters that no key has/);
      assert.doesNotMatch(complaints.join(), /sk/);
    }
  });

  test("openai without TTS_URL is complained of", async () => {
    const { speech, complaints } = await chosen({ provider: "openai" });
    assert.equal(speech, undefined);
    assert.match(complaints.join(), /TTS_URL is not set/);
  });
});
