/** What one process can do; a process without a role of its own does all. */
export const ROLES = ["api", "dispatcher", "voice", "jobs"] as const;
export type Role = (typeof ROLES)[number];
