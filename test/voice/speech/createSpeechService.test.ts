import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { afterEach, describe, test } from "node:test";
import { wavHeader } from "../../../src/voice/recording/wav-header.ts";
import { createSpeechService, type SpeechServiceOptions } from "../../../src/voice/speech/createSpeechService.ts";
import { SpeechError } from "../../../src/voice/speech/speech.ts";
import { bytesOf, type SpeechRequest, startSpeechServer } from "./speech-server.ts";
import { loudnessOf, peakOf, sine, spoken } from "./support.ts";

const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function given(answer: (request: SpeechRequest, response: ServerResponse) => unknown, options: Partial<SpeechServiceOptions> = {}) {
  const server = await startSpeechServer(answer);
  stops.push(server.close);
  const speech = createSpeechService({ url: server.url, apiKey: "sk-secret", model: "tts-9", voice: "alloy", ...options });
  return { ...server, speech };
}

const TONE = sine(1_000, 24_000, 1);

describe("an OpenAI-compatible speech service", () => {
  test("is asked for raw PCM with the agent's voice, and 24 kHz become 8 kHz", async () => {
    const { speech, requests } = await given((_, response) => response.setHeader("content-type", "audio/pcm").end(bytesOf(TONE)));
    const samples = await spoken(speech, { text: "שלום", voice: "Rachel" });
    assert.deepEqual(
      requests.map(({ path, authorization, body }) => ({ path, authorization, body })),
      [
        {
          path: "/v1/audio/speech",
          authorization: "Bearer sk-secret",
          body: { model: "tts-9", voice: "Rachel", input: "שלום", response_format: "pcm" },
        },
      ],
    );
    assert.equal(samples.length, 8_000);
    assert.ok(Math.abs(loudnessOf(samples) / loudnessOf(TONE) - 1) < 0.02);
    const wanted = sine(1_000, 8_000, 1);
    assert.ok(peakOf(samples.subarray(500, 7_500).map((sample, index) => sample - (wanted[index + 500] ?? 0))) < 200);
  });

  test("a text of more than OpenAI's 4,096 characters goes in several requests, one after the other", async () => {
    const { speech, requests } = await given((_, response) => response.end(bytesOf(TONE)));
    const text = "A sentence of forty characters, or so. ".repeat(250).trim();
    assert.equal((await spoken(speech, { text })).length, 3 * 8_000);
    assert.ok(requests.every(({ body }) => body.input.length <= 4_096));
    assert.equal(requests.map(({ body }) => body.input).join(" "), text);
  });

  test("sends no key when there is none", async () => {
    const { speech, requests } = await given((_, response) => response.end(bytesOf(TONE)), { apiKey: undefined });
    await spoken(speech, {});
    assert.equal(requests[0]?.authorization, undefined);
  });

  test("the first sound is there before the service has sent the last, even when samples are cut in two", async () => {
    const go = Promise.withResolvers<void>();
    const { speech } = await given(async (_, response) => {
      const bytes = bytesOf(TONE);
      response.write(bytes.subarray(0, 10_001));
      await go.promise;
      response.end(bytes.subarray(10_001));
    });
    let total = 0;
    for await (const piece of speech.speak({ text: "x", language: "en", voice: "alloy" }, new AbortController().signal)) {
      total += piece.length;
      if (piece.length > 0) go.resolve();
    }
    assert.equal(total, 8_000);
  });

  test("a WAV answer is read by its own head, stereo too, and its lengths are not believed", async () => {
    const stereo = new Int16Array(16_000);
    for (const [index, sample] of sine(500, 8_000, 1).entries()) stereo.fill(sample, index * 2, index * 2 + 2);
    const { speech } = await given((_, response) => {
      response.setHeader("content-type", "audio/wav");
      response.write(wavHeader(0).subarray(0, 3));
      response.write(wavHeader(0).subarray(3));
      response.end(bytesOf(stereo));
    });
    assert.deepEqual(await spoken(speech, {}), sine(500, 8_000, 1));
  });

  test("a voice that the service does not know is replaced by TTS_VOICE, and not asked for again", async () => {
    const { speech, requests } = await given(({ body }, response) => {
      if (body.voice !== "alloy") return response.writeHead(400).end(JSON.stringify({ error: { message: `no voice ${body.voice}` } }));
      return response.end(bytesOf(TONE));
    });
    assert.equal((await spoken(speech, { voice: "Rachel" })).length, 8_000);
    assert.equal((await spoken(speech, { voice: "Rachel" })).length, 8_000);
    assert.deepEqual(
      requests.map(({ body }) => body.voice),
      ["Rachel", "alloy", "alloy"],
    );
  });

  test("a text that is refused with every voice says what the service said of it", async () => {
    const { speech, requests } = await given((_, response) =>
      response.writeHead(400).end(JSON.stringify({ error: { message: "input is too rude" } })),
    );
    for (let time = 1; time <= 2; time++) {
      await assert.rejects(spoken(speech, { voice: "Rachel" }), { message: "The speech service answered 400: input is too rude" });
    }
    assert.equal(requests.length, 4, "the voice may be good all the same");
  });

  for (const [status, body, message] of [
    [
      401,
      JSON.stringify({ error: { message: "Incorrect API key provided" } }),
      "The speech service answered 401: Incorrect API key provided",
    ],
    [429, JSON.stringify({ error: "slow down" }), "The speech service answered 429: slow down"],
    [422, JSON.stringify({ detail: [{ loc: ["body"], msg: "bad" }] }), 'The speech service answered 422: [{"loc":["body"],"msg":"bad"}]'],
    [500, "<html>\n  oops</html>", "The speech service answered 500: <html> oops</html>"],
    [502, "", "The speech service answered 502."],
  ] as const) {
    test(`an answer ${status} is an error in words`, async () => {
      const { speech } = await given((_, response) => response.writeHead(status).end(body));
      await assert.rejects(spoken(speech, { voice: "alloy" }), (error: unknown) => {
        assert.ok(error instanceof SpeechError);
        assert.equal(error.message, message);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /sk-secret/);
        return true;
      });
    });
  }

  test("a refusal that repeats the key does not show it", async () => {
    const { speech } = await given((_, response) => response.writeHead(401).end("Bearer sk-secret is unknown"));
    await assert.rejects(spoken(speech, { voice: "alloy" }), { message: "The speech service answered 401: Bearer *** is unknown" });
  });

  test("a long error is cut short", async () => {
    const { speech } = await given((_, response) => response.writeHead(500).end("x".repeat(1_000_000)));
    await assert.rejects(spoken(speech, { voice: "alloy" }), (error: Error) => error.message.length < 400);
  });

  test("answers without speech, and in a format that is no PCM", async () => {
    const empty = await given((_, response) => response.setHeader("content-type", "audio/pcm").end());
    await assert.rejects(spoken(empty.speech, {}), { message: "The speech service answered without any speech." });
    for (const type of ["audio/mpeg", "application/json; charset=utf-8", "text/html"]) {
      const other = await given((_, response) => response.setHeader("content-type", type).end("anything"));
      await assert.rejects(spoken(other.speech, {}), /answered with .*; raw PCM or WAV is needed/);
    }
    const wav24 = wavHeader(0);
    wav24.writeUInt16LE(24, 34);
    const deep = await given((_, response) => response.end(Buffer.concat([wav24, Buffer.alloc(600)])));
    await assert.rejects(spoken(deep.speech, {}), /24 bits.*16-bit PCM is needed/);
  });

  test("a service that never answers, or stops in the middle, is given up in time", async () => {
    const silent = await given(() => undefined, { patienceMs: 50 });
    await assert.rejects(spoken(silent.speech, {}), { message: "The speech service did not answer within 0.05 seconds." });
    await silent.requests[0]?.closed;
    const stuck = await given((_, response) => response.write(bytesOf(TONE)), { patienceMs: 50 });
    await assert.rejects(spoken(stuck.speech, {}), SpeechError);
    await stuck.requests[0]?.closed;
  });

  test("a service that sends a sample now and then does not keep a call waiting for ever", async () => {
    const { speech, requests } = await given(
      async (request, response) => {
        let open = true;
        void request.closed.then(() => {
          open = false;
        });
        while (open) {
          response.write(Buffer.alloc(2));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
      { patienceMs: 1_000 },
    );
    await assert.rejects(spoken(speech, {}), { message: "The speech service did not answer within 1 seconds." });
    await requests[0]?.closed;
  });

  test("a call that waits for the requests of others does not wait for ever either", async () => {
    const { url, requests } = await given((_, response) => response.write(bytesOf(TONE)));
    const options = { url, model: "m", voice: "alloy", atOnce: 1, patienceMs: 60_000 };
    const speech = createSpeechService(options);
    // While its listener takes its time, nothing of it is overdue, and its request goes on.
    const first = speech.speak({ text: "first", language: "en", voice: "alloy" }, new AbortController().signal)[Symbol.asyncIterator]();
    await first.next();
    options.patienceMs = 100;
    for (const text of ["second", "third"]) {
      await assert.rejects(spoken(speech, { text }), { message: "The speech service did not answer within 0.1 seconds." });
    }
    assert.equal(requests.length, 1);
    await first.return?.();
  });

  test("much sound at once is taken in small pieces, with turns for the calls that speak already", async () => {
    const { speech } = await given((_, response) => response.end(bytesOf(sine(500, 24_000, 60))));
    let turns = 0;
    let spinning = true;
    const spin = () => {
      turns++;
      if (spinning) setImmediate(spin);
    };
    spin();
    let pieces = 0;
    for await (const piece of speech.speak({ text: "x", language: "en", voice: "alloy" }, new AbortController().signal)) {
      pieces++;
      assert.ok(piece.length <= 2_000, `a piece of ${piece.length} samples`);
    }
    spinning = false;
    assert.ok(turns >= pieces && pieces > 240, `${turns} turns for ${pieces} pieces`);
  });

  test("a WAV answer of an unusual rate is refused: its filter would hold up every call for seconds", async () => {
    const odd = wavHeader(0);
    odd.writeUInt32LE(47_999, 24);
    const { speech } = await given((_, response) => response.end(Buffer.concat([odd, Buffer.alloc(600)])));
    await assert.rejects(spoken(speech, {}), { message: "The speech has an unusable sample rate of 47999 Hz." });
  });

  test("a service that breaks off is an error, not a shorter line", async () => {
    const { speech } = await given((_, response) =>
      response.setHeader("content-length", 48_000).write(bytesOf(TONE.subarray(0, 5_000)), () => response.destroy()),
    );
    await assert.rejects(spoken(speech, {}), SpeechError);
  });

  test("nobody there", async () => {
    const { url, close } = await startSpeechServer(() => undefined);
    await close();
    const speech = createSpeechService({ url, model: "m", voice: "v" });
    await assert.rejects(spoken(speech, {}), /The speech service cannot be reached: .*ECONNREFUSED/);
  });

  test("a redirect is not followed: the key is for the configured address", async () => {
    const other = await given((_, response) => response.end(bytesOf(TONE)));
    const { speech } = await given((_, response) => response.writeHead(307, { location: `${other.url}/audio/speech` }).end());
    await assert.rejects(spoken(speech, {}), SpeechError);
    assert.equal(other.requests.length, 0);
  });

  test("an abort ends the request", async () => {
    const { speech, requests } = await given((_, response) => response.write(bytesOf(TONE)));
    const over = new AbortController();
    await assert.rejects(
      async () => {
        for await (const piece of speech.speak({ text: "x", language: "en", voice: "alloy" }, over.signal)) {
          if (piece.length > 0) over.abort(new Error("hung up"));
        }
      },
      { message: "hung up" },
    );
    await requests[0]?.closed;
  });

  test("no more requests at once than allowed", async () => {
    let open = 0;
    let most = 0;
    let both = Promise.withResolvers<void>();
    const { speech } = await given(
      async (_, response) => {
        most = Math.max(most, ++open);
        const { promise, resolve } = both;
        // Each is answered once another one is there, and had time to show that it is one too many.
        if (open >= 2) {
          both = Promise.withResolvers();
          for (let turn = 0; turn < 10; turn++) await new Promise((next) => setImmediate(next));
          resolve();
        }
        await promise;
        open--;
        response.end(bytesOf(TONE));
      },
      { atOnce: 2 },
    );
    await Promise.all(Array.from({ length: 8 }, (_, index) => spoken(speech, { text: `line ${index}` })));
    assert.equal(most, 2);
  });
});
