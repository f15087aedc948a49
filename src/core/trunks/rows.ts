/** Of `trunks`: everything but the password. */
export const TRUNK_COLUMNS = [
  "id",
  "name",
  "gateways",
  "domain",
  "username",
  "register",
  "codecs",
  "caller_id",
  "srtp",
  "max_channels",
  "calls_per_second",
  "inbound_networks",
  "version",
  "created_at",
  "updated_at",
] as const;
