import { parseHost } from "./parseHost.ts";
import type { Gateway } from "./trunk.ts";

const DEFAULT_PORTS: Record<Gateway["protocol"], number> = { udp: 5060, tcp: 5060, tls: 5061 };

export const GATEWAY_FORM = "udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT, such as udp:sip.example.com:5060";

/** `udp:sip.example.com:5060`, `tls:[2001:db8::1]`; the port may be left out (RFC 3261 19.1.2). Undefined for anything else. */
export function parseGateway(text: string): Gateway | undefined {
  const match = /^(udp|tcp|tls):(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(text.trim());
  if (!match) return undefined;
  const [, scheme = "", hostText = "", portText] = match;
  const lower = scheme.toLowerCase();
  const protocol = lower === "tcp" || lower === "tls" ? lower : "udp";
  const host = parseHost(hostText);
  const port = portText === undefined ? DEFAULT_PORTS[protocol] : Number(portText);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { protocol, host, port };
}
