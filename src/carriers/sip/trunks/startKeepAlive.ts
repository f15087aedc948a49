import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Gateway } from "../../../core/trunks/trunk.ts";
import type { UserAgent } from "../user-agent.ts";
import { gatewayUri, trunkAddress } from "./addresses.ts";
import { optionsVerdict, type Verdict } from "./check-words.ts";
import { credentialsOf } from "./credentialsOf.ts";
import type { Line, OpenLine } from "./line.ts";
import type { SipTimers } from "./settings.ts";

export interface Watch {
  /** Looks now. */
  check(): void;
  stop(): Promise<void>;
}

export interface KeepAliveOptions {
  line: Pick<Line, "open" | "trouble">;
  trunk: OpenTrunk;
  gateway: Gateway;
  timers: SipTimers;
  random(): number;
  found(verdict: Verdict): void;
  resolved(addresses: readonly string[]): void;
}

/** Sends OPTIONS to a gateway again and again, and says what came of each. */
export function startKeepAlive(options: KeepAliveOptions): Watch {
  const { line, trunk, gateway, timers, random, found, resolved } = options;
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  const look = async () => {
    const { open, trouble } = line;
    if (open) {
      const [verdict] = await Promise.all([sendOptions(open.agent, trunk, gateway, timers.optionsTimeoutMs, over.signal), resolve(open)]);
      if (!over.signal.aborted) found(verdict);
    } else if (trouble) found({ state: "down", detail: `SIP is off: ${trouble}` });
  };
  /** A gateway that we registered with calls us from any address of its own. */
  const resolve = async ({ agent }: OpenLine) => {
    if (!trunk.register) return;
    const located = await agent.endpoint.locate(gateway);
    if ("places" in located && !over.signal.aborted) resolved(located.places.map(({ met }) => met.address));
  };
  const check = () => {
    again = true;
    if (running || over.signal.aborted) return;
    again = false;
    clearTimeout(timer);
    running = look()
      .catch((error: unknown) => {
        if (!over.signal.aborted) found({ state: "down", detail: error instanceof Error ? error.message : String(error) });
      })
      .finally(() => {
        running = undefined;
        // Spread a little, so that many gateways are not asked all at once.
        if (!over.signal.aborted) timer = setTimeout(check, again ? 0 : timers.optionsMs * (0.9 + 0.2 * random()));
      });
  };
  check();

  return {
    check,
    async stop() {
      over.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** One OPTIONS (RFC 3261 11). */
export async function sendOptions(
  agent: Pick<UserAgent, "request">,
  trunk: OpenTrunk,
  gateway: Gateway,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Verdict> {
  const began = performance.now();
  const outcome = await agent.request({
    method: "OPTIONS",
    target: gateway,
    uri: gatewayUri(trunk, gateway, null),
    from: trunkAddress(trunk, gateway, trunk.username ?? "leadline"),
    to: trunkAddress(trunk, gateway, null),
    ...credentialsOf(trunk),
    headers: [["Accept", "application/sdp"]],
    timeoutMs,
    ...(signal ? { signal } : {}),
  });
  return optionsVerdict(outcome, performance.now() - began);
}
