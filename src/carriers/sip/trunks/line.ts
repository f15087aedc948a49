import type { Log } from "../../../platform/log.ts";
import { createUserAgent } from "../createUserAgent.ts";
import type { EndpointHandler, SipEndpoint } from "../endpoint.ts";
import { createMediaEngine } from "../media/createMediaEngine.ts";
import type { MediaEngine } from "../media/media.ts";
import { openEndpoint } from "../openEndpoint.ts";
import type { IncomingInvite, UserAgent } from "../user-agent.ts";
import { followTlsFiles, readTlsFiles } from "./followTlsFiles.ts";
import type { ListenAddress, SipSettings, SipTimers } from "./settings.ts";

/** SIP and audio of this process, while they are on. */
export interface OpenLine {
  agent: UserAgent & { endpoint: SipEndpoint };
  media: MediaEngine;
}

/** Turns SIP on and off. */
export interface Line {
  readonly open: OpenLine | undefined;
  /** Why it is not on although it should be, in words; undefined while all is well. */
  readonly trouble: string | undefined;
  /** Turns it on, or waits until it is; throws LineDown. */
  need(): Promise<OpenLine>;
  /** `wanted`: there is a trunk. Off takes effect once no call is left. */
  want(wanted: boolean): void;
  /** Ends what is left, calls included, after at most this long. */
  close(withinMs: number): Promise<void>;
}

/** SIP could not be turned on; the message says why. */
export class LineDown extends Error {}

/** What a line is made of; tests put fakes in. */
export interface LineParts {
  openAgent(options: {
    listen: ListenAddress[];
    settings: SipSettings;
    log: Log;
    incoming(invite: IncomingInvite): void;
    nonceSecret?: Buffer;
    /** As of EndpointOptions. */
    trusts?(address: string): boolean;
    /** Between two readings of the TLS files. */
    certificatesMs?: number;
  }): Promise<OpenLine["agent"]>;
  openMedia(options: { ports: SipSettings["RTP_PORTS"]; silentAfterMs: number; log: Log }): MediaEngine;
}

/** Where SIP is spoken when nothing is said. */
const EVERYWHERE: ListenAddress[] = [
  { protocol: "udp", address: "0.0.0.0", port: 5060 },
  { protocol: "tcp", address: "0.0.0.0", port: 5060 },
];

export interface LineOptions {
  settings: SipSettings;
  timers: Pick<SipTimers, "reopenMs" | "silentWarnMs">;
  log: Log;
  incoming(invite: IncomingInvite): void;
  /** As of UserAgentOptions. */
  nonceSecret: Buffer;
  /** As of EndpointOptions. */
  trusts(address: string): boolean;
  /** It went on, went off, or failed to. */
  changed(): void;
  parts?: LineParts;
}

export function createLine(options: LineOptions): Line {
  const { settings, timers, log, incoming, nonceSecret, trusts, changed, parts = REAL_PARTS } = options;
  const configured = settings.SIP_LISTEN.length > 0;
  let wanted = configured;
  let open: OpenLine | undefined;
  let opening: Promise<OpenLine> | undefined;
  let trouble: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const turnOn = async (): Promise<OpenLine> => {
    const listen = configured ? [...settings.SIP_LISTEN] : EVERYWHERE;
    try {
      const agent = await parts.openAgent({ listen, settings, log, incoming, nonceSecret, trusts });
      open = { agent, media: parts.openMedia({ ports: settings.RTP_PORTS, silentAfterMs: timers.silentWarnMs, log }) };
      trouble = undefined;
      log.info({ listening: agent.endpoint.listening.map(({ protocol, address, port }) => `${protocol}:${address}:${port}`) }, "SIP is on");
      return open;
    } catch (error) {
      const words = whyNot(error);
      if (words !== trouble) log.error({ err: error }, `SIP is off: ${words}`);
      trouble = words;
      throw new LineDown(`SIP is off: ${words}`, { cause: error });
    }
  };
  const need = (): Promise<OpenLine> => {
    if (open) return Promise.resolve(open);
    if (closed) return Promise.reject(new LineDown("SIP is off: the server is stopping"));
    opening ??= turnOn().finally(() => {
      opening = undefined;
      changed();
    });
    return opening;
  };
  const turnOff = async (withinMs: number) => {
    const last = open;
    open = undefined;
    if (!last) return;
    await last.agent.close(withinMs);
    await last.agent.endpoint.close();
    await last.media.close();
  };
  /** Until what is wanted is so. */
  const look = () => {
    clearTimeout(timer);
    if (closed) return;
    const again = () => {
      if (!closed) timer = setTimeout(look, timers.reopenMs);
    };
    if (wanted && !open) need().catch(again);
    else if (!wanted && open && open.agent.size > 0) again();
    else if (!wanted && open) {
      turnOff(0)
        .then(() => log.info("SIP is off: there is no trunk"))
        .catch((error: unknown) => log.error({ err: error }, "SIP could not be turned off cleanly"));
      changed();
    }
  };
  look();

  return {
    get open() {
      return open;
    },
    get trouble() {
      return trouble;
    },
    need,
    want(some) {
      wanted = configured || some;
      if (!wanted) trouble = undefined;
      look();
    },
    async close(withinMs) {
      closed = true;
      clearTimeout(timer);
      await opening?.catch(() => undefined);
      await turnOff(withinMs);
    },
  };
}

/** In words for people who look after the machine. */
function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const of = (name: string) => (name in error ? String(Reflect.get(error, name)) : undefined);
  const where = of("port") === undefined ? "its port" : `${of("address") ?? ""} port ${of("port")}`.trim();
  if (of("code") === "EADDRINUSE") return `${where} is taken by another program`;
  if (of("code") === "EACCES" && of("port") !== undefined) return `${where} may not be used by this user`;
  if (of("code") === "EADDRNOTAVAIL") return `${of("address") ?? "the address in SIP_LISTEN"} is no address of this machine`;
  return error.message;
}

const CERTIFICATES_MS = 60_000;

export const REAL_PARTS: LineParts = {
  async openAgent({ listen, settings, log, incoming, nonceSecret, trusts, certificatesMs = CERTIFICATES_MS }) {
    const { SIP_PUBLIC_ADDRESS: publicAddress } = settings;
    const given = { ...(publicAddress ? { publicAddress } : {}), ...(trusts ? { trusts } : {}) };
    const tls = await readTlsFiles(settings);
    const open = async (handler: EndpointHandler): Promise<SipEndpoint> => {
      const endpoint = await openEndpoint({ listen, ...given, tls, log }, handler);
      const stop = followTlsFiles({ paths: settings, files: tls, everyMs: certificatesMs, use: endpoint.renewTls, log });
      const close = () => {
        stop();
        return endpoint.close();
      };
      return { ...endpoint, close };
    };
    return createUserAgent({ open, incoming, log, userAgent: "Leadline", ...(nonceSecret ? { nonceSecret } : {}) });
  },
  openMedia: createMediaEngine,
};
