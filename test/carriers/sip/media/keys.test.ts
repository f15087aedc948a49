import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createEventReceiver } from "../../../../src/carriers/sip/media/createEventReceiver.ts";
import { agreed, eventPayload, openBench, rtpPacket } from "./support.ts";

describe("keys received (RFC 4733)", () => {
  /** Packets as [event, timestamp, duration, "end", "mark" or "late": sent before all others]. */
  const told = (...packets: Array<[event: number, timestamp: number, duration: number, flag?: "end" | "mark" | "late"]>) => {
    const digits: string[] = [];
    const receiver = createEventReceiver((digit) => digits.push(digit));
    for (const [index, [event, timestamp, duration, flag]] of packets.entries()) {
      const sequence = (flag === "late" ? 65_000 : 65_530 + index) & 0xffff;
      const payload = eventPayload(event, duration, flag === "end");
      receiver.receive(payload, 0, payload.length, sequence, timestamp >>> 0, flag === "mark");
    }
    return digits.join("");
  };

  test("a press is told once, at its first packet, whatever its end is repeated", () => {
    assert.equal(told([5, 800, 160, "mark"], [5, 800, 320], [5, 800, 480, "end"], [5, 800, 480, "end"], [5, 800, 480, "end"]), "5");
  });
  test("every key", () => {
    assert.equal(
      told(...Array.from({ length: 16 }, (_, event): [number, number, number, "end"] => [event, event * 2_000, 800, "end"])),
      "0123456789*#ABCD",
    );
  });
  test("what is not a key is not told (flash, tones)", () => assert.equal(told([16, 0, 160], [32, 800, 160], [255, 1_600, 160]), ""));
  test("the first packets are lost", () => assert.equal(told([7, 800, 640], [7, 800, 800, "end"]), "7"));
  test("all but one of the end packets are lost", () => assert.equal(told([7, 800, 800, "end"]), "7"));
  test("the end is lost, and the same key is pressed again", () =>
    assert.equal(told([7, 800, 160, "mark"], [7, 800, 320], [7, 4_000, 160, "mark"], [7, 4_000, 320, "end"]), "77"));
  test("the end and the next beginning are lost, the key is the same", () =>
    assert.equal(told([7, 800, 160, "mark"], [7, 800, 800], [7, 4_000, 320], [7, 4_000, 480, "end"]), "77"));
  test("packets of two presses mixed up", () =>
    assert.equal(
      told([1, 800, 160, "mark"], [2, 2_400, 160, "mark"], [1, 800, 800, "end"], [2, 2_400, 480, "end"], [1, 800, 800, "end"]),
      "12",
    ));
  test("all packets of a press come after those of the next one", () =>
    assert.equal(told([1, 800, 800, "end"], [3, 4_000, 800, "end"], [2, 2_400, 800, "end"], [3, 4_000, 800, "end"]), "132"));
  test("a very old packet is nothing", () => assert.equal(told([1, 100_000, 160], [2, 800, 160, "late"]), "1"));
  test("timestamps that went back, as after a re-INVITE, do not make the keys mute", () =>
    assert.equal(told([1, 100_000, 160], [1, 100_000, 320], [2, 800, 160], [2, 800, 320], [3, 16_000, 160]), "123"));
  test("timestamps wrap", () => assert.equal(told([1, 2 ** 32 - 800, 800, "end"], [2, 400, 160], [1, 2 ** 32 - 800, 800, "end"]), "12"));
  test("a press longer than a duration can say goes on with a new timestamp (2.5.1.3)", () =>
    assert.equal(told([4, 1_000, 65_000], [4, 1_000, 65_535], [4, 1_000 + 65_535, 160], [4, 1_000 + 65_535, 800, "end"]), "4"));
  test("a gateway that counts the timestamp up within a press", () =>
    assert.equal(told([4, 1_000, 160, "mark"], [4, 1_160, 320], [4, 1_320, 480], [4, 1_320, 480, "end"]), "4"));
  test("too short a payload is nothing", () => {
    const receiver = createEventReceiver(() => assert.fail("told"));
    for (let length = 0; length < 4; length++) receiver.receive(Buffer.alloc(length), 0, length, 0, 0, true);
  });
});

describe("keys of a session", () => {
  const opened = (changes = {}) => {
    const bench = openBench();
    const digits: string[] = [];
    bench.session.onDigit((digit) => digits.push(digit));
    bench.session.negotiated(agreed(5_000, changes));
    return { ...bench, digits };
  };
  let sequence = 0;
  const press = (bench: ReturnType<typeof opened>, event: number, timestamp: number) => {
    for (let copy = 0; copy < 3; copy++)
      bench.receiveRtp(
        rtpPacket({ payload: eventPayload(event, 800, true), sequence: sequence++, timestamp, payloadType: 101 }),
        "127.0.0.1",
        5_000,
        true,
      );
  };

  test("by RTP and by INFO: told once, whichever comes first", () => {
    const bench = opened();
    bench.session.start();
    press(bench, 1, 800);
    press(bench, 1, 4_000);
    bench.session.digitByInfo("1");
    bench.session.digitByInfo("1");
    bench.session.digitByInfo("2");
    press(bench, 2, 8_000);
    assert.equal(bench.digits.join(""), "112");
    bench.clock.pass(5_000);
    bench.session.digitByInfo("1");
    assert.equal(bench.digits.join(""), "1121");
    for (const nonsense of ["", "x", "12", "16"]) bench.session.digitByInfo(nonsense);
    assert.equal(bench.digits.join(""), "1121");
  });

  test("a peer that presses thousands a second is told twenty a second, and understood again when it is over", () => {
    const bench = opened();
    bench.session.start();
    for (let index = 0; index < 2_000; index++) press(bench, index % 12, index * 800);
    assert.equal(bench.digits.length, 40);
    bench.clock.pass(2_020);
    press(bench, 7, 2_000 * 800);
    assert.deepEqual([bench.digits.length, bench.digits.at(-1)], [41, "7"]);
  });

  test("before the answer nobody hears them", () => {
    const bench = opened();
    press(bench, 1, 800);
    bench.session.digitByInfo("2");
    bench.session.start();
    assert.equal(bench.digits.join(""), "");
  });

  test("pressed: 100 ms with growing duration, three ends, one timestamp each; no voice meanwhile (2.5.1)", async () => {
    const bench = opened();
    bench.session.start();
    bench.clock.pass(100);
    bench.rtp.length = 0;
    bench.session.play(new Int16Array(8_000).fill(4_000));
    const done = bench.session.sendDigits("5#");
    bench.clock.pass(400);
    await done;
    const seen = bench.rtp.map(({ bytes }) => ({
      type: bytes.readUInt8(1) & 0x7f,
      marker: bytes.readUInt8(1) >= 128,
      sequence: bytes.readUInt16BE(2),
      timestamp: bytes.readUInt32BE(4),
      bytes,
    }));
    for (const [index, packet] of seen.entries())
      if (index > 0) assert.equal(packet.sequence, ((seen[index - 1]?.sequence ?? 0) + 1) & 0xffff);
    const events = seen.filter(({ type }) => type === 101);
    assert.equal(events.length, 14);
    for (const [key, press] of [events.slice(0, 7), events.slice(7)].entries()) {
      assert.deepEqual(
        press.map(({ bytes }) => bytes.readUInt8(12)),
        Array(7).fill(key === 0 ? 5 : 11),
      );
      assert.deepEqual(
        press.map(({ bytes }) => bytes.readUInt16BE(14)),
        [160, 320, 480, 640, 800, 800, 800],
      );
      assert.deepEqual(
        press.map(({ bytes }) => bytes.readUInt8(13) >> 7),
        [0, 0, 0, 0, 1, 1, 1],
      );
      assert.deepEqual(
        press.map(({ marker }) => marker),
        [true, false, false, false, false, false, false],
      );
      assert.equal(new Set(press.map(({ timestamp }) => timestamp)).size, 1);
    }
    assert.equal((events[7]?.timestamp ?? 0) - (events[0]?.timestamp ?? 0), 9 * 160);
    const sound = seen.filter(({ type }) => type === 8);
    const before = sound.findIndex(({ bytes }) => bytes[12] !== 0xd5);
    assert.ok(sound.slice(before).every(({ timestamp }) => timestamp >= (events[7]?.timestamp ?? 0) + 9 * 160));
    assert.equal(sound[0]?.marker, true, "the first packet after a press begins a talkspurt");
    assert.equal((sound[0]?.timestamp ?? 0) - (events[0]?.timestamp ?? 0), 7 * 160);
  });

  test("without telephone-event they go by INFO", async () => {
    const bench = opened({ sendEventPayloadType: null });
    const info: Array<[string, number]> = [];
    bench.session.sendInfo = (digit, durationMs) => info.push([digit, durationMs]);
    bench.session.start();
    const done = bench.session.sendDigits("1a");
    bench.clock.pass(400);
    await done;
    assert.deepEqual(info, [
      ["1", 100],
      ["A", 100],
    ]);
    assert.ok(bench.rtp.every(({ bytes }) => (bytes.readUInt8(1) & 0x7f) === 8));
  });

  test("without either they are heard as tones of 100 ms", async () => {
    const bench = opened({ sendEventPayloadType: null });
    bench.session.start();
    const done = bench.session.sendDigits("1");
    bench.clock.pass(220);
    await done;
    assert.equal(bench.rtp.filter(({ bytes }) => bytes.subarray(12).some((code) => code !== 0xd5)).length, 5);
  });

  test("what is not a key is refused; the end of the call releases them all", async () => {
    const bench = opened();
    bench.session.start();
    assert.throws(() => bench.session.sendDigits("1x"), TypeError);
    const done = bench.session.sendDigits("123");
    bench.session.close();
    await done;
    await bench.session.sendDigits("1");
  });
});
