import type { ErrorObject } from "ajv";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Authenticator, Principal } from "../../core/api-keys/authenticate.ts";
import type { Workspace } from "../../core/context.ts";
import { type FieldError, fieldErrors } from "../../platform/http/validator.ts";
import { ProblemError } from "../kit/problem.ts";
import { familyOf } from "./families.ts";
import { tidy } from "./lead-input.ts";

/** For the API description; what it says is used before any validation. */
export const BusinessHeader = Type.Object({
  "x-on-behalf-of": Type.Optional(Type.String({ description: "UID or nickname of the business; for directory and app tokens." })),
});

/**
 * The business that a request is about, in the order of vcita 2: the token's own, else the one that `X-On-Behalf-Of` names,
 * else the body's `business_id`; by uid or nickname. Lead injection knows no header (vcita 5).
 * - A staff token stands for its business alone: naming another one is refused, naming its own does no harm.
 * - A directory's token must name one of the directory's businesses.
 * - An app token that was made for a business, or for a directory, reaches that business, or that directory's, by name; when
 *   nothing is named it acts in its own business if it has one.
 */
export async function businessOf(request: FastifyRequest, principal: Principal, authenticator: Authenticator): Promise<Workspace> {
  const header = familyOf(request.url) === "partner" ? undefined : request.headers["x-on-behalf-of"];
  const named = [header, businessInBody(request.body)].filter(isName);
  if (principal.workspace && principal.kind !== "app") {
    for (const name of named) await authenticator.reach(principal, name.trim());
    return principal.workspace;
  }
  const [first] = named;
  if (first !== undefined) return authenticator.reach(principal, first.trim());
  if (principal.workspace) return principal.workspace;
  throw nobodyNamed(request);
}

const isName = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";

const businessInBody = (body: unknown): unknown =>
  typeof body === "object" && body !== null && "business_id" in body ? body.business_id : undefined;

/** Says that a business must be named, and whatever else is wrong with the body. */
function nobodyNamed(request: FastifyRequest): ProblemError {
  const validate = request.routeOptions.schema?.body ? request.getValidationFunction("body") : undefined;
  if (!validate) {
    return new ProblemError({ kind: "invalid_request", part: "headers", fields: [missing("X-On-Behalf-Of")] });
  }
  const body = tidy(request.body ?? {});
  // The validators of this server are Ajv's, so these are its errors.
  const others = validate(body) ? [] : fieldErrors((validate.errors ?? []) as unknown as ErrorObject[], body);
  const fields = others.some(({ path }) => path[0] === "business_id") ? others : [missing("business_id"), ...others];
  return new ProblemError({ kind: "invalid_request", part: "body", fields });
}

const missing = (name: string): FieldError => ({ path: [name], keyword: "required", params: {}, message: "is required" });
