import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DEFAULT_TIMERS } from "../../../../src/carriers/sip/trunks/settings.ts";
import { startRegistration } from "../../../../src/carriers/sip/trunks/startRegistration.ts";
import { makeResponse } from "../transport/support/messages.ts";

/** A registration at a registrar that answers what it is told to, on a clock of the test. */
function start(t: TestContext, random: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let seconds = 0;
  let status = 403;
  let port = 5060;
  let meanwhile = () => {};
  const contacts: string[][] = [];
  const sentAt: number[] = [];
  const registration = startRegistration({
    line: {
      open: {
        agent: {
          endpoint: { reachableAt: async () => ({ protocol: "udp", host: "127.0.0.1", port }) },
          async request({ sequence = 1, headers = [] }) {
            sentAt.push(seconds);
            contacts.push(headers.flatMap(([name, value]) => (name === "Contact" ? [value] : [])));
            const once = meanwhile;
            meanwhile = () => {};
            once();
            return { response: makeResponse(status), sequence };
          },
        },
      },
      trouble: undefined,
    },
    trunk: { domain: null, username: "clinic", password: "secret" },
    gateway: { protocol: "udp", host: "127.0.0.1", port: 5060 },
    timers: DEFAULT_TIMERS,
    random: () => random,
    found() {},
  });
  t.after(() => registration.stop());
  return {
    registration,
    /** While the next REGISTER is under way. */
    during: (act: () => void) => {
      meanwhile = act;
    },
    answer: (next: number) => {
      status = next;
    },
    /** From now on we are reached there, as over TLS when the connection to the gateway is another. */
    move: (to: number) => {
      port = to;
    },
    /** The gateway is well, and what comes of that has been sent. */
    async well(times = 1) {
      for (let time = 0; time < times; time++) {
        await registration.follow();
        await new Promise(setImmediate);
      }
    },
    /** Of each REGISTER. */
    contacts,
    /** How many seconds lie between so many of the next attempts, the last one included. */
    async gaps(count: number): Promise<number[]> {
      const from = sentAt.length;
      const turn = async () => {
        await new Promise(setImmediate);
        return sentAt.length < from + count;
      };
      for (const end = seconds + 86_400; seconds < end && (await turn()); seconds++) t.mock.timers.tick(1_000);
      return sentAt.slice(from).map((at, index) => at - (sentAt[from + index - 1] ?? 0));
    },
  };
}

for (const [random, share] of [
  [0, 0.5],
  [0.5, 0.75],
  [1, 1],
] as const)
  test(`a refused registration is tried again after ${share * 30} s, and each time after twice as long, up to ${share * 30} min (RFC 5626 4.5)`, async (t) => {
    const { gaps } = start(t, random);
    const upper = [30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800];
    assert.deepEqual(await gaps(10), [0, ...upper.map((one) => Math.ceil(one * share))]);
  });

test("once it was taken, the next refusal begins with the shortest wait; and asked for, it is tried at once", async (t) => {
  const { registration, answer, gaps } = start(t, 0);
  await gaps(5);
  answer(200);
  assert.deepEqual(await gaps(1), [240]);
  answer(403);
  assert.deepEqual(await gaps(3), [480, 15, 30]);
  registration.check();
  assert.deepEqual(await gaps(2), [0, 120]);
});

test("asked for while a try is under way, it is tried again at once when that was refused, and not when it was taken", async (t) => {
  const { registration, during, answer, gaps } = start(t, 0);
  await gaps(1);
  during(registration.check);
  assert.deepEqual(await gaps(3), [15, 0, 60]);
  answer(200);
  during(registration.check);
  assert.deepEqual(await gaps(2), [120, 480]);
});

test("where we are reached elsewhere than before, one request says so and takes back what was there: a registrar may allow one place only (RFC 3261 10.2)", async (t) => {
  const { registration, answer, move, well, contacts, gaps } = start(t, 0);
  const at = (port: number) => `<sip:clinic@127.0.0.1:${port}>`;
  answer(200);
  await gaps(1);
  // Refused, what was there before is there still; taken, it is not.
  answer(503);
  move(5062);
  await well();
  answer(200);
  await gaps(2);
  const replacing = [at(5062), `${at(5060)};expires=0`];
  assert.deepEqual(contacts, [[at(5060)], replacing, replacing, [at(5062)]]);
  answer(503);
  move(5064);
  await well();
  // It may have taken that, whatever it said.
  await registration.stop(1);
  const leaving = [at(5064), `${at(5062)};expires=0`];
  assert.deepEqual(contacts.slice(4), [leaving, leaving]);
});

test("a gateway that is well and refuses us is not asked again each time that it is found well", async (t) => {
  const { answer, move, well, contacts, gaps } = start(t, 0);
  answer(200);
  await gaps(1);
  answer(403);
  move(5062);
  await well(5);
  assert.equal(contacts.length, 2);
  assert.deepEqual(await gaps(3), [15, 30, 60]);
  await well(5);
  assert.equal(contacts.length, 5);
});
