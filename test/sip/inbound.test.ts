import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addPhoneNumber } from "../../src/core/phone-numbers/addPhoneNumber.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { ackRefusal, answered, callerHangsUp, inDialog, invite, refused } from "./support/caller.ts";
import { healthOf } from "./support/healthOf.ts";
import { type Line, type Subscriber, type SubscriberOptions, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { pause, recv, recvStatus, replyInDialog, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";

/** Calls that come in, from callers that sipp plays. */
const skip = missing("sipp", "espeak-ng");

/** Trunks whose calls may come from here; whose callers have to know a password; whose callers are elsewhere. */
const [open, guarded, walled] = await Promise.all([startLine(), startLine(), startLine()]);

/** Calls a number and waits until all went as the scenario says. */
async function callIn(port: number, service: string, scenario: string, more: Partial<Parameters<typeof startSipp>[0]> = {}): Promise<void> {
  const caller = await startSipp({ scenario, remote: `127.0.0.1:${port}`, service, ...more });
  await caller.succeeded();
}

const onlyCall = (subscriber: Subscriber) =>
  until(
    async () => {
      const [call, second] = await subscriber.calls();
      assert.equal(second, undefined);
      return call?.status === "ended" && call;
    },
    { what: "the end of the call", withinMs: 20_000 },
  );

type Options = Omit<SubscriberOptions, "trunk"> & { trunk?: Partial<SubscriberOptions["trunk"]> };

/** One whose trunk the line knows: it has found out, at once, that nothing listens at the gateway. */
async function subscribe(on: Line, host: string, options: Options = {}): Promise<Subscriber> {
  const subscriber = await on.subscriber({ ...options, trunk: { gateways: [`tcp:${host}:${await freePort()}`], ...options.trunk } });
  await healthOf(on, subscriber, "options", "down");
  return subscriber;
}

const openSubscriber = (options: Options = {}): Promise<Subscriber> =>
  subscribe(open, "127.0.0.1", { ...options, trunk: { inboundNetworks: ["127.0.0.0/8"], ...options.trunk } });

describe("calls from a network that may call", { skip, concurrency: true }, () => {
  for (const transport of ["udp", "tcp"] as const) {
    test(`the number's agent answers over ${transport}, and an unknown caller becomes a lead with source auto (yappr 7.8)`, async () => {
      const subscriber = await openSubscriber();
      await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), pause(1_000), callerHangsUp()), { transport });
      const call = await onlyCall(subscriber);
      assert.equal(call.direction, "inbound");
      assert.equal(call.outcome, "completed");
      assert.equal(call.ended_by, "caller");
      assert.equal(call.from_number, "+14155550123");
      assert.equal(call.to_number, subscriber.number);
      assert.equal(call.agent_id, subscriber.agentId);
      const { token } = await subscriber.key("yappr");
      const response = await fetch(`${open.world.app.url}/leads?phone_number=%2B14155550123`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const { data } = (await response.json()) as { data: Array<{ id: string; source: string; name: string }> };
      assert.deepEqual(
        data.map(({ id, source, name }) => ({ id, source, name })),
        [{ id: call.lead_id, source: "auto", name: "Dana Cohen" }],
      );
    });
  }

  test("twenty calls from one new number at once make one lead", async () => {
    const subscriber = await openSubscriber();
    await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), pause(500), callerHangsUp()), { calls: 20, rate: 100 });
    const calls = await until(async () => {
      const all = await subscriber.calls();
      return all.length === 20 && all.every(({ status }) => status === "ended") && all;
    });
    assert.equal(new Set(calls.map(({ lead_id }) => lead_id)).size, 1);
  });

  test("a number that nobody has: 404, and nothing is written", async () => {
    const subscriber = await openSubscriber();
    await callIn(open.sipPort, "+972559999999", steps(invite(), refused(404)));
    assert.deepEqual(await subscriber.calls(), []);
  });

  test("a number without an agent: 404", async () => {
    const subscriber = await openSubscriber();
    await addPhoneNumber(subscriber.ctx, { phone: "+972548887777", trunkId: subscriber.trunk.id });
    await callIn(open.sipPort, "+972548887777", steps(invite(), refused(404)));
  });

  test("no channel free: 486, and the call that holds it goes on", async () => {
    const subscriber = await openSubscriber({ trunk: { maxChannels: 1 } });
    const scenario = steps(invite(), answered(), recv("GO"), callerHangsUp());
    const first = await startSipp({
      scenario,
      remote: `127.0.0.1:${open.sipPort}`,
      service: subscriber.number,
      more: ["-cid_str", "first"],
    });
    await until(async () => (await subscriber.calls())[0]?.status === "in_progress", { what: "the first call", withinMs: 20_000 });
    await callIn(open.sipPort, subscriber.number, steps(invite(), refused(486)));
    first.go("first");
    await first.succeeded();
    assert.equal((await onlyCall(subscriber)).outcome, "completed");
    await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), callerHangsUp()));
  });

  test("a caller who hides the number is answered, and becomes nobody's lead (RFC 3323)", async () => {
    const subscriber = await openSubscriber();
    const caller = { number: "anonymous", displayName: "Anonymous", headers: ["Privacy: id"] };
    await callIn(open.sipPort, subscriber.number, steps(invite(caller), answered(), pause(300), callerHangsUp()));
    const call = await onlyCall(subscriber);
    assert.equal(call.lead_id, null);
    assert.equal(call.outcome, "completed");
  });

  test("an extension that we do not have: 420 with its name (RFC 3261 8.2.2.3)", async () => {
    const subscriber = await openSubscriber();
    const bad = `<recv response="420"><action><ereg regexp="teleport" search_in="hdr" header="Unsupported:" check_it="true" assign_to="name"/></action></recv><Reference variables="name"/>`;
    await callIn(open.sipPort, subscriber.number, steps(invite({ headers: ["Require: teleport"] }), bad, ackRefusal()));
  });

  test("the agent hangs up: BYE to the caller", async () => {
    const subscriber = await openSubscriber({ agent: { max_call_duration_secs: 1 } });
    await callIn(open.sipPort, subscriber.number, steps(invite(), answered(), recv("BYE"), replyInDialog("200 OK")));
    assert.equal((await onlyCall(subscriber)).disconnect_reason, "Max duration reached");
  });

  test("no ACK for our 200: it is sent again, after 64*T1 comes our BYE, and the call is lost, in words (RFC 3261 13.3.1.4)", async () => {
    const subscriber = await openSubscriber({ agent: { silence_timeout_secs: 60 } });
    const again = Array.from({ length: 3 }, () => recvStatus(200)).join("");
    const further = '<label id="1"/><recv response="200" optional="true" next="1"/><recv request="BYE" timeout="45000"/>';
    // -nr: else sipp hides what comes again.
    const options = { more: ["-nr"] };
    await callIn(open.sipPort, subscriber.number, steps(invite(), again, further, replyInDialog("200 OK")), options);
    const call = await onlyCall(subscriber);
    assert.deepEqual([call.outcome, call.error], ["failed", "The connection was lost during the call: our answer was never acknowledged"]);
  });

  test("a network that may call on one trunk gets no call on another", async () => {
    const friend = await openSubscriber();
    const stranger = await subscribe(open, "127.0.0.2");
    await callIn(open.sipPort, stranger.number, steps(invite(), refused(404)));
    assert.deepEqual([...(await friend.calls()), ...(await stranger.calls())], []);
  });
});

describe("calls from anywhere else", { skip, concurrency: true }, () => {
  const password = (word: string) => ({ headers: [`[authentication username=gateway password=${word}]`] });
  const challenged = (sequence = 1): string => steps(recvStatus(401, 'auth="true"'), ackRefusal(sequence));
  const withPassword = () => subscribe(guarded, "127.0.0.2", { trunk: { username: "gateway", password: "s3cret" } });

  test("good credentials are let in (RFC 3261 22.2)", async () => {
    const subscriber = await withPassword();
    const talk = steps(recvStatus(200, 'rrs="true"'), inDialog("ACK", 2), pause(300), inDialog("BYE", 3), recvStatus(200));
    await callIn(guarded.sipPort, subscriber.number, steps(invite(), challenged(), invite(password("s3cret"), "", 2), talk));
    assert.equal((await onlyCall(subscriber)).outcome, "completed");
  });

  test("bad credentials are asked for again, and refused the third time; without any there is no more than the challenge", async () => {
    const subscriber = await withPassword();
    const guess = (sequence: number): string => invite(password("guess"), "", sequence);
    const refusedAtLast = steps(guess(4), recvStatus(403), ackRefusal(4));
    await callIn(
      guarded.sipPort,
      subscriber.number,
      steps(invite(), challenged(), guess(2), challenged(2), guess(3), challenged(3), refusedAtLast),
    );
    await callIn(guarded.sipPort, subscriber.number, steps(invite(), refused(401)));
    assert.deepEqual(await subscriber.calls(), []);
  });

  test("a foreign network gets no call where no trunk takes credentials, whatever it shows", async () => {
    const subscriber = await subscribe(walled, "127.0.0.2", { trunk: { inboundNetworks: ["192.0.2.0/24"] } });
    const forged = [
      "X-Forwarded-For: 192.0.2.1",
      'Authorization: Digest username="gateway", realm="leadline", nonce="x", uri="sip:x", response="y"',
    ];
    await callIn(walled.sipPort, subscriber.number, steps(invite(), refused(403)));
    await callIn(walled.sipPort, subscriber.number, steps(invite({ headers: forged }), refused(403)));
    assert.deepEqual(await subscriber.calls(), []);
  });
});
