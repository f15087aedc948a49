/** Key presses out of telephone-event packets (RFC 4733), each told once, when the first packet of it comes. */
export interface EventReceiver {
  receive(packet: Buffer, start: number, end: number, sequence: number, timestamp: number, marker: boolean): void;
  /** Another source: timestamps mean something else. */
  restart(): void;
}

export const KEYS = "0123456789*#ABCD";
/** Presses whose packets may still come, in any order. */
const KEPT = 8;
/** A packet this much older than the newest press, by timestamp and by sequence, says nothing any more: 2 s. */
const OLD = 16_000;
/** A press longer than the 16 bits of its duration goes on with a new timestamp (RFC 4733 2.5.1.3). */
const SEGMENT = 0xffff;

interface Press {
  timestamp: number;
  event: number;
  duration: number;
  ended: boolean;
}

export function createEventReceiver(tell: (digit: string) => void): EventReceiver {
  let presses: Press[] = [];
  let lastSequence = 0;

  /** A long press goes on, or a sender that counts its timestamp up with the duration, as some gateways do. */
  const continues = (press: Press, event: number, duration: number, timestamp: number, marker: boolean) => {
    const elapsed = (timestamp - press.timestamp) | 0;
    if (press.event !== event || press.ended || marker || elapsed <= 0) return false;
    return elapsed === SEGMENT || elapsed === duration - press.duration;
  };

  return {
    receive(packet, start, end, sequence, timestamp, marker) {
      if (end - start < 4) return;
      const event = packet[start] ?? 0;
      const digit = KEYS[event];
      if (digit === undefined) return;
      const ended = ((packet[start + 1] ?? 0) & 0x80) !== 0;
      const duration = packet.readUInt16BE(start + 2);

      const ahead = ((sequence - lastSequence) << 16) >> 16;
      if (ahead > 0 || presses.length === 0) lastSequence = sequence;
      let newest = presses.at(-1);
      const known = presses.find((press) => press.timestamp === timestamp);
      if (known) {
        known.ended ||= ended;
        known.duration = Math.max(known.duration, duration);
        return;
      }
      if (newest && ((newest.timestamp - timestamp) | 0) > OLD) {
        if (ahead <= 0) return;
        // Their timestamps went back, as after a re-INVITE.
        presses = [];
        newest = undefined;
      }
      if (newest && continues(newest, event, duration, timestamp, marker)) {
        newest.timestamp = timestamp;
        newest.duration = duration;
        newest.ended = ended;
        return;
      }
      presses.push({ timestamp, event, duration, ended });
      presses.sort((a, b) => (a.timestamp - b.timestamp) | 0);
      if (presses.length > KEPT) presses.shift();
      tell(digit);
    },
    restart() {
      presses = [];
    },
  };
}
