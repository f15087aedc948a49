import type { Socket } from "node:dgram";
import { now } from "./now.ts";
import type { RtpLine, RtpLines } from "./rtp-lines.ts";
import { audioAt, audioPortOf, headerOf, message, readSip, respond } from "./sip-text.ts";

/** What one call looked like from the called side; moments are of `now()`, NaN for what never came. */
export interface SeenCall {
  /** The user part that was called. */
  to: string;
  inviteMs: number;
  /** Our 200 OK went out. */
  okMs: number;
  ackMs: number;
  /** How often INVITE came again, and our 200 was sent again. */
  repeats: number;
  /** BYE went from one side to the other and was answered. */
  ended: boolean;
}

export interface Behaviour {
  /** From the ACK to our BYE; null: until `hangUp` or theirs. */
  holdMs: number | null;
  /** Sends sound, too. */
  audio: boolean;
}

interface Call extends SeenCall {
  id: string;
  invite: string;
  peer: { address: string; port: number };
  line: RtpLine | undefined;
  ringing: string;
  ok: string | undefined;
  /** Of our BYE. */
  branch: string | undefined;
  again: NodeJS.Timeout | undefined;
  hold: NodeJS.Timeout | undefined;
}

export interface SipAnswerer {
  behave(how: Behaviour): void;
  receive(bytes: Buffer, address: string, port: number): void;
  hangUp(): void;
  readonly state: { up: number; seen: number; ended: number };
  /** The calls since this was asked last; those under way stay as they are. */
  take(): SeenCall[];
}

/** Timers A to H in one: a message is sent again at these steps until something stops it (RFC 3261 17). */
const T1_MS = 500;
const T2_MS = 4_000;
const GIVE_UP_MS = 32_000;
/** An ended call still answers what comes again. */
const LINGER_MS = 5_000;

/** Rings, answers at once, and hangs up as it was told to. */
export function createSipAnswerer(socket: Socket, lines: RtpLines): SipAnswerer {
  const calls = new Map<string, Call>();
  let seen: Call[] = [];
  let behaviour: Behaviour = { holdMs: null, audio: false };
  let [up, total, ended] = [0, 0, 0];

  const send = (text: string, { address, port }: Call["peer"]) => socket.send(text, port, address);
  const contact = () => `<sip:called@127.0.0.1:${socket.address().port}>`;

  const repeat = (call: Call, text: string) => {
    send(text, call.peer);
    const until = now() + GIVE_UP_MS;
    const wait = (ms: number) => {
      call.again = setTimeout(() => {
        if (now() > until) return end(call, false);
        call.repeats++;
        send(text, call.peer);
        wait(Math.min(ms * 2, T2_MS));
      }, ms);
    };
    wait(T1_MS);
  };

  const end = (call: Call, orderly: boolean) => {
    clearTimeout(call.again);
    clearTimeout(call.hold);
    if (!calls.has(call.id) || call.ended) return;
    call.ended = orderly;
    ended++;
    if (!Number.isNaN(call.ackMs)) up--;
    call.line?.close();
    setTimeout(() => calls.delete(call.id), LINGER_MS).unref();
  };

  const take = async (call: Call) => {
    call.line = await lines.open();
    if (call.ended) return call.line.close();
    call.ok = respond(call.invite, "200 OK", { tag: call.id, contact: contact(), body: audioAt(call.line.port) });
    call.okMs = now();
    repeat(call, call.ok);
  };

  const invited = (text: string, to: string, peer: Call["peer"], inviteMs: number) => {
    const id = headerOf(text, "Call-ID");
    const ringing = respond(text, "180 Ringing", { tag: id, contact: contact() });
    send(ringing, peer);
    const call: Call = {
      ...{ id, to, inviteMs, okMs: Number.NaN, ackMs: Number.NaN, repeats: 0, ended: false },
      ...{ invite: text, peer, ringing, line: undefined, ok: undefined, branch: undefined, again: undefined, hold: undefined },
    };
    calls.set(id, call);
    seen.push(call);
    total++;
    void take(call);
  };

  const acknowledged = (call: Call, at: number) => {
    if (!Number.isNaN(call.ackMs) || call.ended) return;
    call.ackMs = at;
    clearTimeout(call.again);
    up++;
    if (behaviour.audio) call.line?.send(audioPortOf(call.invite));
    if (behaviour.holdMs !== null) call.hold = setTimeout(() => bye(call), behaviour.holdMs);
  };

  const bye = (call: Call) => {
    if (call.ended || call.branch) return;
    clearTimeout(call.hold);
    call.branch = `z9hG4bK-bye-${call.id}`;
    const target = /<([^>]*)>/.exec(headerOf(call.invite, "Contact"))?.[1] ?? "";
    repeat(
      call,
      message(`BYE ${target} SIP/2.0`, [
        `Via: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=${call.branch}`,
        "Max-Forwards: 70",
        `From: ${headerOf(call.invite, "To")};tag=${call.id}`,
        `To: ${headerOf(call.invite, "From")}`,
        `Call-ID: ${call.id}`,
        "CSeq: 1 BYE",
      ]),
    );
  };

  return {
    behave(how) {
      behaviour = how;
    },
    receive(bytes, address, port) {
      const at = now();
      const { method, status, user, text } = readSip(bytes);
      const peer = { address, port };
      const call = calls.get(headerOf(text, "Call-ID"));
      if (method === undefined) {
        if (status >= 200 && call?.branch && text.includes(call.branch)) end(call, true);
      } else if (method === "INVITE" && !call) invited(text, user, peer, at);
      else if (method === "INVITE" && call) {
        call.repeats++;
        send(call.ok ?? call.ringing, peer);
      } else if (method === "ACK") {
        if (call) acknowledged(call, at);
      } else {
        send(respond(text, call || method === "OPTIONS" ? "200 OK" : "481 Gone", { tag: "called" }), peer);
        if (method === "BYE" && call) end(call, true);
        if (method === "CANCEL" && call && Number.isNaN(call.okMs)) {
          send(respond(call.invite, "487 Request Terminated", { tag: call.id }), peer);
          end(call, true);
        }
      }
    },
    hangUp() {
      for (const call of calls.values()) if (!Number.isNaN(call.ackMs)) bye(call);
    },
    get state() {
      return { up, seen: total, ended };
    },
    take() {
      const taken = seen.map(({ to, inviteMs, okMs, ackMs, repeats, ended: over }) => ({
        to,
        inviteMs,
        okMs,
        ackMs,
        repeats,
        ended: over,
      }));
      seen = [];
      [total, ended] = [total - taken.length, ended - taken.filter((call) => call.ended).length];
      return taken;
    },
  };
}
