import { isIP } from "node:net";
import { type Direction, SdpError } from "./negotiation.ts";

/** What a session description says of its media (RFC 8866), as far as one audio stream asks for it. */
export interface MediaLine {
  /** audio, video, image ... */
  readonly type: string;
  /** 0: refused or switched off. */
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Of the session where the media has none of its own; null when neither has. */
  readonly address: string | null;
  readonly direction: Direction;
  /** By payload type: encoding in upper case, with the clock rate and the channels when there are more than one: `PCMA/8000`. */
  readonly encodings: ReadonlyMap<number, string>;
  readonly ptime: number | null;
  readonly maxptime: number | null;
  /** RFC 3605. */
  readonly rtcpPort: number | null;
  /** Values of a=crypto, in order (RFC 4568). */
  readonly crypto: readonly string[];
}

interface Section {
  address: string | null;
  direction: Direction | null;
  ptime: number | null;
  maxptime: number | null;
}

const limits = { text: 65_536, lines: 2_000, media: 32 };

/** Lines may end in CR LF or LF; empty ones are passed over. Throws SdpError 400 for what is no session description. Linear time. */
export function parseSdp(text: string): MediaLine[] {
  if (text.trim() === "") throw new SdpError(400, "the session description is empty");
  if (text.length > limits.text) throw new SdpError(400, "the session description is too large");
  if (text.includes("\0")) throw new SdpError(400, "the session description is not text");
  const lines = text.split(/\r?\n/, limits.lines + 1);
  if (lines.length > limits.lines) throw new SdpError(400, `more than ${limits.lines} lines in the session description`);
  if (lines[0]?.trim() !== "v=0") throw new SdpError(400, "the session description does not begin with v=0");
  const session: Section = { address: null, direction: null, ptime: null, maxptime: null };
  const media: ReturnType<typeof readMedia>[] = [];
  let origin = false;
  for (const line of lines.slice(1)) {
    if (line.trim() === "") continue;
    const type = line[0] ?? "";
    if (line[1] !== "=" || !/[a-z]/.test(type)) throw new SdpError(400, `not a line of a session description: ${excerpt(line)}`);
    const value = line.slice(2).trim();
    const section = media.at(-1) ?? session;
    if (type === "o") origin = true;
    else if (type === "c") section.address = readConnection(value, section.address);
    else if (type === "a") readAttribute(value, section, media.at(-1));
    else if (type === "m") media.push(readMedia(value));
    if (media.length > limits.media) throw new SdpError(400, `more than ${limits.media} media lines`);
  }
  if (!origin) throw new SdpError(400, "the session description has no o= line");
  return media.map((one) => ({
    ...one,
    address: one.address ?? session.address,
    direction: one.direction ?? session.direction ?? "sendrecv",
    ptime: one.ptime ?? session.ptime,
    maxptime: one.maxptime ?? session.maxptime,
  }));
}

function readMedia(value: string) {
  const [type = "", ports = "", protocol = "", ...formats] = value.split(/[ \t]+/);
  const port = /^(\d{1,6})(?:\/\d{1,6})?$/.exec(ports)?.[1];
  if (type === "" || protocol === "" || formats.length === 0 || port === undefined) {
    throw new SdpError(400, `a media line that cannot be read: ${excerpt(value)}`);
  }
  return {
    type: type.toLowerCase(),
    port: readPort(port),
    protocol: protocol.toUpperCase(),
    formats,
    address: null as string | null,
    direction: null as Direction | null,
    encodings: new Map<number, string>(),
    ptime: null as number | null,
    maxptime: null as number | null,
    rtcpPort: null as number | null,
    crypto: [] as string[],
  };
}

function readPort(digits: string): number {
  const port = Number(digits);
  if (port > 65535) throw new SdpError(400, `port ${digits} is above 65535`);
  return port;
}

/** `IN IP4 address`, with a time to live behind multicast. Of several lines the first counts (RFC 8866 5.7). */
function readConnection(value: string, before: string | null): string {
  const [network, kind, address = ""] = value.split(/[ \t]+/);
  const host = address.split("/", 1)[0] ?? "";
  if (network !== "IN" || (kind !== "IP4" && kind !== "IP6") || (isIP(host) === 0 && !/^[a-z0-9_][a-z0-9_.-]{0,253}$/i.test(host))) {
    throw new SdpError(400, `a connection line that cannot be read: ${excerpt(value)}`);
  }
  return before ?? host;
}

const isDirection = (text: string): text is Direction =>
  text === "sendrecv" || text === "sendonly" || text === "recvonly" || text === "inactive";

function readAttribute(attribute: string, section: Section, media: ReturnType<typeof readMedia> | undefined): void {
  const colon = attribute.indexOf(":");
  const name = colon < 0 ? attribute : attribute.slice(0, colon);
  const value = colon < 0 ? "" : attribute.slice(colon + 1).trim();
  if (isDirection(name)) section.direction = name;
  else if (name === "ptime") section.ptime = readMs(value);
  else if (name === "maxptime") section.maxptime = readMs(value);
  else if (!media) return;
  else if (name === "crypto") media.crypto.push(value);
  else if (name === "rtcp") media.rtcpPort = readPort(/^\d{1,6}/.exec(value)?.[0] ?? "0") || null;
  else if (name === "rtpmap") {
    const match = /^(\d{1,3})[ \t]+([^/ \t]+)\/(\d{1,9})(?:\/(\d{1,9}))?$/.exec(value);
    if (!match) return;
    const [, type = "", encoding = "", rate = "", channels = "1"] = match;
    if (Number(type) < 128)
      media.encodings.set(Number(type), `${encoding}/${Number(rate)}${channels === "1" ? "" : `/${channels}`}`.toUpperCase());
  }
}

/** Whole or broken milliseconds; null for what is no number. */
const readMs = (value: string): number | null => (/^\d{1,5}(\.\d{1,5})?$/.test(value) ? Number(value) : null);

const excerpt = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
