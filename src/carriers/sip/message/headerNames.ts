/** Compact forms: RFC 3261 7.3.3, and the registry for those of later RFCs. */
const compact: Record<string, string> = {
  a: "Accept-Contact",
  b: "Referred-By",
  c: "Content-Type",
  d: "Request-Disposition",
  e: "Content-Encoding",
  f: "From",
  i: "Call-ID",
  j: "Reject-Contact",
  k: "Supported",
  l: "Content-Length",
  m: "Contact",
  o: "Event",
  r: "Refer-To",
  s: "Subject",
  t: "To",
  u: "Allow-Events",
  v: "Via",
  x: "Session-Expires",
  y: "Identity",
};

/** Headers whose grammar is a list: several values in one field, or several fields, say the same (RFC 3261 7.3.1). */
const lists = [
  "Accept",
  "Accept-Contact",
  "Accept-Encoding",
  "Accept-Language",
  "Alert-Info",
  "Allow",
  "Allow-Events",
  "Call-Info",
  "Contact",
  "Content-Encoding",
  "Content-Language",
  "Diversion",
  "Error-Info",
  "History-Info",
  "In-Reply-To",
  "P-Asserted-Identity",
  "P-Associated-URI",
  "P-Preferred-Identity",
  "Path",
  "Proxy-Require",
  "Reason",
  "Record-Route",
  "Reject-Contact",
  "Request-Disposition",
  "Require",
  "Route",
  "Security-Client",
  "Security-Server",
  "Security-Verify",
  "Service-Route",
  "Supported",
  "Unsupported",
  "Via",
  "Warning",
];

/** What can be there once only, and where a second one would make it unclear what is meant: refused (RFC 3261 7.3.1). */
const single = [
  "Call-ID",
  "Content-Length",
  "Content-Type",
  "CSeq",
  "Date",
  "Event",
  "Expires",
  "From",
  "Max-Forwards",
  "Min-Expires",
  "Min-SE",
  "RAck",
  "Refer-To",
  "Replaces",
  "RSeq",
  "Session-Expires",
  "To",
];

const byKey = new Map<string, string>();
for (const name of [...lists, ...single, ...Object.values(compact)]) byKey.set(name.toLowerCase(), name);
for (const [short, name] of Object.entries(compact)) byKey.set(short, name);
const listKeys = new Set(lists.map((name) => name.toLowerCase()));
const singleKeys = new Set(single.map((name) => name.toLowerCase()));

/** The long form with its usual capitals; names that are not known stay as written. */
export const longName = (name: string): string => byKey.get(name.toLowerCase()) ?? name;

/** What a name is compared by: its long form in lower case. */
export function headerKey(name: string): string {
  const lower = name.toLowerCase();
  return lower.length === 1 ? (byKey.get(lower)?.toLowerCase() ?? lower) : lower;
}

export const isList = (key: string): boolean => listKeys.has(key);
export const isSingle = (key: string): boolean => singleKeys.has(key);
