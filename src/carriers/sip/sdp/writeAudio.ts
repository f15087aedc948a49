import type { Codec } from "../../../core/trunks/trunk.ts";
import type { Direction, LocalAudio } from "./negotiation.ts";
import { type SdesKey, writeSdes } from "./sdes.ts";

/** A media line that is not our audio: refused, but its place is kept in every later description (RFC 3264 8). */
export interface Refused {
  readonly type: string;
  readonly protocol: string;
  readonly formats: readonly string[];
}

/** What our side of a description says of the audio. */
export interface OurAudio {
  readonly protocol: string;
  readonly codecs: ReadonlyArray<readonly [codec: Codec, payloadType: number]>;
  readonly events: number | null;
  readonly direction: Direction;
  readonly packetMs: number;
  readonly crypto: readonly SdesKey[];
}

/** The media lines of a description: our audio where there is null, the others refused. */
export function writeAudio(local: LocalAudio, audio: OurAudio, lines: ReadonlyArray<Refused | null>): string {
  let out = "";
  for (const line of lines) {
    if (line) {
      out += `m=${line.type} 0 ${line.protocol} ${line.formats.join(" ")}\r\n`;
      continue;
    }
    const types = [...audio.codecs.map(([, type]) => type), ...(audio.events === null ? [] : [audio.events])];
    out += `m=audio ${local.port} ${audio.protocol} ${types.join(" ")}\r\n`;
    for (const [codec, type] of audio.codecs) out += `a=rtpmap:${type} ${codec}/8000\r\n`;
    if (audio.events !== null) out += `a=rtpmap:${audio.events} telephone-event/8000\r\na=fmtp:${audio.events} 0-16\r\n`;
    for (const key of audio.crypto) out += `a=crypto:${writeSdes(key)}\r\n`;
    out += `a=ptime:${audio.packetMs}\r\na=${audio.direction}\r\n`;
  }
  return out;
}
