import type { Answer } from "../kit/dialect.ts";
import type { Told } from "./errors.ts";
import type { Family } from "./families.ts";

/** The error envelopes of vcita 1, by generation of the API. */
export const envelopes: Readonly<Record<Family, (told: Told) => Answer>> = {
  platform(told) {
    if (told.refused === "token") return challenge("Bearer", { status: "failure", message: "401 Unauthorized" });
    if (told.refused === "rate") return { status: told.status, body: { error: "Too many requests" } };
    // The bodies that were observed, and a word on what is the matter.
    if (told.refused === "business") return { status: told.status, body: { error: "Unauthorized", message: text(told) } };
    if (told.refused === "scope") return { status: told.status, body: { status: "Error", error: "Unauthorized", message: text(told) } };
    return { status: told.status, body: { status: "Error", error: text(told) } };
  },

  /** Businesses, tokens and webhooks. As v3 and oauth, without a route of ours: only the URL itself is ever refused there. */
  account: (told) => ({
    status: told.status,
    body: { status: "Error", message: text(told), data: told.details },
  }),

  partner(told) {
    if (told.refused === "token" || told.refused === "scope") return challenge("Token", "HTTP Token: Access denied.\n");
    // The token was good, but not for this `business_id`.
    const status = told.refused === "business" ? 422 : told.status;
    return { status, body: told.details };
  },

  v2(told) {
    if (told.refused === "token") return challenge("Bearer", { status: "failure", message: "401 Unauthorized" });
    if (told.refused === "business" || told.refused === "scope") {
      return { status: told.status, body: { error: "Unauthorized", message: text(told) } };
    }
    return { status: told.status, body: { error: text(told) } };
  },

  v3(told) {
    const code = told.status === 404 ? "not_found" : "invalid";
    return { status: told.status, body: { success: false, errors: told.details.map((message) => ({ code, message })) } };
  },

  oauth: (told) => ({ status: told.status, body: { error: "invalid_request", error_description: text(told) } }),
};

/** One string for them all, where the envelope has no room for more. */
const text = (told: Told): string => told.details.join(", ");

const challenge = (scheme: "Bearer" | "Token", body: unknown): Answer => ({
  status: 401,
  body,
  headers: { "www-authenticate": `${scheme} realm="Leadline"` },
});
