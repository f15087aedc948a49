/** The generations of the vCita API. Each words its errors in an envelope of its own (vcita 1). */
export type Family = "platform" | "account" | "partner" | "v2" | "v3" | "oauth";

const PREFIXES: ReadonlyArray<readonly [string, Family]> = [
  ["/platform/v1/tokens", "account"],
  ["/platform/v1/businesses", "account"],
  ["/platform/v1/webhook", "account"],
  ["/platform/v1/webhooks", "account"],
  ["/platform", "platform"],
  ["/v1/partners", "partner"],
  ["/v2", "v2"],
  ["/v3", "v3"],
  ["/business", "v3"],
  ["/client_api", "v3"],
  ["/oauth", "oauth"],
];

/** The family that a path belongs to; undefined when it is none of this dialect's paths. */
export const familyOf = (path: string): Family | undefined =>
  PREFIXES.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1];
