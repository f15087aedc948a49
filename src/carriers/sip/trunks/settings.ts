/** What of the configuration the SIP carrier needs; `Config` has these. */
export interface SipSettings {
  /** Empty: UDP and TCP port 5060 once there is a trunk. */
  readonly SIP_LISTEN: readonly ListenAddress[];
  /** IP address. */
  readonly SIP_PUBLIC_ADDRESS?: string | undefined;
  /** Paths of PEM files. */
  readonly SIP_TLS_CERT?: string | undefined;
  readonly SIP_TLS_KEY?: string | undefined;
  readonly SIP_TLS_CA?: string | undefined;
  readonly RTP_PORTS: { from: number; to: number };
}

export interface ListenAddress {
  protocol: "udp" | "tcp" | "tls";
  /** An IP address. */
  address: string;
  port: number;
}

export interface SipTimers {
  /** How often trunks are read again although nothing was told. */
  pollMs: number;
  /** Until a port that was taken is tried again. */
  reopenMs: number;
  /** Between two OPTIONS to a gateway. */
  optionsMs: number;
  optionsTimeoutMs: number;
  /** What a registration asks for. */
  registerSeconds: number;
  registerTimeoutMs: number;
  /** However short a time a registrar grants. */
  registerLeastMs: number;
  /** After a registration failed; doubled each time, up to the most (RFC 5626 4.5). */
  registerRetryMs: number;
  registerRetryMostMs: number;
  /** Until the next gateway is tried because one has not said a word. */
  firstResponseMs: number;
  /** The same for the last one: timer B (RFC 3261 17.1.1.2). */
  lastResponseMs: number;
  /** How long a gateway that said 503 without Retry-After is tried last. */
  congestedMs: number;
  /** Without a packet of audio. */
  silentWarnMs: number;
  silentEndMs: number;
  /** What a leg that was hung up has, to end in good order. */
  hangupMs: number;
}

export const DEFAULT_TIMERS: SipTimers = {
  pollMs: 30_000,
  reopenMs: 5_000,
  optionsMs: 30_000,
  optionsTimeoutMs: 10_000,
  registerSeconds: 600,
  registerTimeoutMs: 16_000,
  registerLeastMs: 5_000,
  registerRetryMs: 30_000,
  registerRetryMostMs: 30 * 60_000,
  firstResponseMs: 4_000,
  lastResponseMs: 32_000,
  congestedMs: 10_000,
  silentWarnMs: 15_000,
  silentEndMs: 60_000,
  hangupMs: 5_000,
};
