import type { Headers } from "../message/headers.ts";
import type { Timing } from "./timing.ts";

/** What both sides agreed on: within `seconds` one of them sends a refresh (RFC 4028). */
export interface SessionTerms {
  seconds: number;
  refresher: "us" | "them";
}

export interface SessionTimer {
  /** With each refresh, of either side. Null: no timer. */
  agreed(terms: SessionTerms | null): void;
  /** A refresh of ours was refused: tried again in the middle of what is left. */
  refused(): void;
  stop(): void;
}

/** Less leaves no time for a refresh, and is taken for none; RFC 4028 5 allows no less than 90. */
const SHORTEST_SECONDS = 32;

/** What a timer can hold. */
const LONGEST_SECONDS = 2_000_000;

/** RFC 4028 10: the end is called this long before the session expires. */
const marginMs = (ms: number): number => Math.min(32_000, ms / 3);

/**
 *     idle ── agreed ──► running ── half of it, when we are the refresher ──► refresh()
 *                          │ ▲ agreed again, refused                            │
 *                          │ └───────────────────────────────────────────────────┘
 *                          └── shortly before its end ──► expired()
 */
export function createSessionTimer({ timing, refresh, expired }: { timing: Timing; refresh(): void; expired(): void }): SessionTimer {
  let refreshing = () => {};
  let expiring = () => {};
  let current: { terms: SessionTerms; endsAt: number } | undefined;

  function stop() {
    refreshing();
    expiring();
    current = undefined;
  }

  return {
    agreed: (terms) => {
      stop();
      if (!terms) return;
      const ms = Math.min(terms.seconds, LONGEST_SECONDS) * 1_000;
      const leftMs = ms - marginMs(ms);
      current = { terms, endsAt: timing.nowMs() + leftMs };
      expiring = timing.after(leftMs, expired);
      if (terms.refresher === "us") refreshing = timing.after(ms / 2, refresh);
    },
    refused: () => {
      if (current?.terms.refresher !== "us") return;
      refreshing();
      refreshing = timing.after(Math.max(0, (current.endsAt - timing.nowMs()) / 2), refresh);
    },
    stop,
  };
}

interface SessionExpires {
  seconds: number;
  refresher: "uac" | "uas" | null;
}

/** `1800;refresher=uac` (RFC 4028 4); undefined when there is none, or it cannot be read. */
function readSessionExpires(headers: Headers): SessionExpires | undefined {
  const found = /^\s*(\d{1,10})\s*(;.*)?$/.exec(headers.get("Session-Expires") ?? "");
  if (!found) return undefined;
  const refresher = /;\s*refresher\s*=\s*(uac|uas)\b/i.exec(found[2] ?? "")?.[1]?.toLowerCase();
  return { seconds: Number(found[1]), refresher: refresher === "uac" || refresher === "uas" ? refresher : null };
}

export function readMinSe(headers: Headers): number | undefined {
  const digits = /^\s*(\d{1,10})/.exec(headers.get("Min-SE") ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

const supportsTimer = (headers: Headers): boolean =>
  [...headers.all("Supported"), ...headers.all("Require")].some((option) => option.trim().toLowerCase() === "timer");

/** Of a 2xx to a request of ours (RFC 4028 7.2). */
export function termsOfResponse(headers: Headers): SessionTerms | null {
  const said = readSessionExpires(headers);
  return said && said.seconds >= SHORTEST_SECONDS ? { seconds: said.seconds, refresher: said.refresher === "uas" ? "them" : "us" } : null;
}

export type TermsOffered =
  | { ok: true; terms: SessionTerms | null; headers: ReadonlyArray<readonly [string, string]> }
  /** Answered with 422. */
  | { ok: false; minSe: number };

/** What we answer to an INVITE or UPDATE (RFC 4028 9, table 2). `ours`: the interval we want when they name none. */
export function answerTerms(request: Headers, ours: number, minSe: number): TermsOffered {
  const said = readSessionExpires(request);
  const supported = supportsTimer(request);
  if (said && said.seconds < minSe && supported) return { ok: false, minSe };
  if (!said && !supported) return { ok: true, terms: null, headers: [] };
  const seconds = said ? Math.max(said.seconds, minSe) : Math.max(ours, readMinSe(request) ?? 0);
  const refresher = supported ? (said?.refresher ?? "uac") : "uas";
  const value: readonly [string, string] = ["Session-Expires", `${seconds};refresher=${refresher}`];
  return {
    ok: true,
    terms: { seconds, refresher: refresher === "uac" ? "them" : "us" },
    headers: refresher === "uac" ? [value, ["Require", "timer"]] : [value],
  };
}
