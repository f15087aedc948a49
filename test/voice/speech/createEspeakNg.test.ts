import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createEspeakNg } from "../../../src/voice/speech/createEspeakNg.ts";
import { readVoices, voiceFor } from "../../../src/voice/speech/espeak-voices.ts";
import { SpeechError } from "../../../src/voice/speech/speech.ts";
import { missing } from "../../support/debian-packages.ts";
import { until } from "../../support/until.ts";
import { loudnessOf, peakOf, spoken } from "./support.ts";

const skip = missing("espeak-ng");

const folder = mkdtempSync(join(tmpdir(), "leadline-espeak-"));
after(() => rmSync(folder, { recursive: true }));

/** A stand-in for the program, as a script of the shell. */
function program(name: string, lines: string): string {
  const path = join(folder, name);
  const voices = `case "$1" in --voices) echo "Pty Language Age/Gender VoiceName"; echo " 5  en-us  --/M  English"; exit 0;; esac`;
  writeFileSync(path, `#!/bin/sh\n${voices}\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function speechOf(path?: string, atOnce?: number) {
  const speech = await createEspeakNg({ ...(path ? { program: path } : {}), ...(atOnce ? { atOnce } : {}) });
  assert.ok(speech, "espeak-ng cannot be used");
  return speech;
}

describe("espeak-ng", { skip }, () => {
  for (const { language, text, seconds } of [
    { language: "en", text: "Hello David, this is an automated assistant. How can I help you today?", seconds: [3, 7] },
    { language: "he", text: "שלום דוד, מדבר עוזר אוטומטי. איך אפשר לעזור לך היום?", seconds: [2, 8] },
    { language: "ka-GE", text: "გამარჯობა", seconds: [0.3, 3] },
  ] as const) {
    test(`speaks ${language}: as long as it should be, loud, and not clipped`, async () => {
      const samples = await spoken(await speechOf(), { text, language });
      const length = samples.length / 8_000;
      assert.ok(length > seconds[0] && length < seconds[1], `${length} seconds`);
      assert.ok(loudnessOf(samples) > 1_000, `loudness ${loudnessOf(samples)}`);
      assert.ok(peakOf(samples) < 32_000, `peak ${peakOf(samples)}`);
    });
  }

  test("says the same again, and something else for another language", async () => {
    const speech = await speechOf();
    const line = { text: "Hello, one two three", language: "en" };
    assert.deepEqual(await spoken(speech, line), await spoken(speech, line));
    assert.notDeepEqual(await spoken(speech, line), await spoken(speech, { ...line, language: "fr" }));
  });

  test("a text is text: no option, no markup, no phonemes, no shell", async () => {
    const speech = await speechOf();
    for (const text of [
      "--version",
      "-w /tmp/leadline-nowhere.wav hello",
      "$(touch x) `id` ; hello",
      '<audio src="/etc/passwd"/> hello',
      "[[h@'loU]]",
      "[[[h@'loU]]]",
      "a\u0000b\u0007 hello",
    ]) {
      const samples = await spoken(speech, { text });
      assert.ok(samples.length > 1_000, text);
    }
  });

  test("a text without words is silent or nothing, and no error", async () => {
    for (const text of ["", " ", "…", "\n\n"]) assert.ok((await spoken(await speechOf(), { text })).length < 8_000);
  });

  test("a long text comes in pieces, the first before the last is made", async () => {
    const speech = await speechOf();
    let pieces = 0;
    let samples = 0;
    for await (const piece of speech.speak(
      { text: "One more sentence of a long story. ".repeat(100), language: "en", voice: "" },
      new AbortController().signal,
    )) {
      pieces++;
      samples += piece.length;
    }
    assert.ok(pieces > 20, `${pieces} pieces`);
    assert.ok(samples > 100 * 8_000);
  });
});

test("a language's own voice, that of the language without its region, or English", () => {
  const voices = readVoices(
    [
      "Pty Language Age/Gender VoiceName File",
      " 5  he  --/M Hebrew sem/he",
      ...["en-us", "en-gb", "fr-fr", "pt-br", "nb", "cmn", "es-419"].map((one) => ` 5  ${one}  --/M  X  y`),
    ].join("\n"),
  );
  const expected = {
    he: "he",
    "he-IL": "he",
    iw: "he",
    HE_il: "he",
    en: "en-us",
    "en-GB": "en-gb",
    "en-AU": "en-gb",
    "fr-CA": "fr-fr",
    pt: "pt-br",
    no: "nb",
    "zh-CN": "cmn",
    es: "es-419",
    tlh: "en-us",
    "": "en-us",
  };
  for (const [language, voice] of Object.entries(expected)) assert.equal(voiceFor(language, voices), voice, language);
});

test("not installed is no speech", async () => {
  assert.equal(await createEspeakNg({ program: join(folder, "nothing-here") }), undefined);
});

test("the text comes by standard input and never stands on the command line", async () => {
  const seen = join(folder, "seen");
  const speech = await speechOf(program("arguments", `echo "$@" > ${seen}; cat > ${seen}.text; exit 3`));
  await assert.rejects(spoken(speech, { text: "a secret; $(id)" }), SpeechError);
  assert.equal(readFileSync(`${seen}.text`, "utf8"), "a secret; $(id)");
  assert.doesNotMatch(readFileSync(seen, "utf8"), /secret/);
});

test("brackets never begin phonemes, however many there are", async () => {
  const seen = join(folder, "brackets");
  const speech = await speechOf(program("reads", `cat > ${seen}; exit 3`));
  for (const [text, read] of [
    ["[[h@'loU]]", "[ [h@'loU]]"],
    ["[[[h@'loU]]]", "[ [ [h@'loU]]]"],
    ["[[[[h@'loU", "[ [ [ [h@'loU"],
    ["[\u0000[h@'loU", "[ [h@'loU"],
  ] as const) {
    await assert.rejects(spoken(speech, { text }), SpeechError);
    assert.equal(readFileSync(seen, "utf8"), read);
  }
});

test("a failure says why", async () => {
  const dies = await speechOf(program("dies", "cat > /dev/null; echo 'voice data is missing' >&2; exit 1"));
  await assert.rejects(spoken(dies, {}), { message: "espeak-ng failed with exit code 1: voice data is missing" });
  const garbage = await speechOf(program("garbage", "cat > /dev/null; echo this is not sound"));
  await assert.rejects(spoken(garbage, {}), { message: "The speech is not a WAV file." });
  const path = program("gone", "exit 0");
  const gone = await speechOf(path);
  rmSync(path);
  await assert.rejects(spoken(gone, {}), /espeak-ng could not be started: .*ENOENT/);
});

test("no file descriptor left is an error in words as well", () => {
  const script = `
    import { openSync } from "node:fs";
    import { createEspeakNg } from ${JSON.stringify(import.meta.resolve("../../../src/voice/speech/createEspeakNg.ts"))};
    const speech = await createEspeakNg({ program: process.argv[1] });
    try { for (;;) openSync("/dev/null"); } catch {}
    try { for await (const _ of speech.speak({ text: "hello", language: "en", voice: "" }, new AbortController().signal)); }
    catch (error) { console.log(error.constructor.name, error.message); }`;
  const node = [process.execPath, "--input-type=module", "-e", script, "--", program("unreached", "exit 0")];
  const { stdout } = spawnSync("sh", ["-c", 'ulimit -n 64; exec "$0" "$@"', ...node], { encoding: "utf8" });
  assert.match(stdout, /^SpeechError espeak-ng could not be started: .*EMFILE/);
});

test("an abort kills the process and frees its place", async () => {
  const pidFile = join(folder, "pid");
  const speech = await speechOf(
    program("hangs", `cat > /dev/null; echo $$ > ${pidFile}.part; mv ${pidFile}.part ${pidFile}; exec sleep 1000`),
    1,
  );
  const over = new AbortController();
  const first = spoken(speech, {}, over.signal);
  const pid = await until(() => {
    try {
      return Number(readFileSync(pidFile, "utf8"));
    } catch {
      return undefined;
    }
  });
  const waiting = new AbortController();
  const second = spoken(speech, {}, waiting.signal);
  waiting.abort(new Error("not needed any more"));
  await assert.rejects(second, /not needed any more/);
  over.abort(new Error("hung up"));
  await assert.rejects(first, /hung up/);
  await until(() => !alive(pid), { what: "the end of the process" });
  rmSync(pidFile);
  const third = new AbortController();
  const place = spoken(speech, {}, third.signal);
  await until(
    () => {
      try {
        return readFileSync(pidFile).length > 0;
      } catch {
        return false;
      }
    },
    { what: "the place of the first" },
  );
  third.abort(new Error("enough"));
  await assert.rejects(place, /enough/);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
