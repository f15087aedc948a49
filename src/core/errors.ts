/**
 * Everything that core and engine refuse with. The set is closed: each dialect maps every member to its own status,
 * envelope and words in one table (`errors.ts` of the dialect).
 */
export type DomainError = InvalidInput | Unauthenticated | Forbidden | NotFound | Conflict;

/** One wrong field. `path` is where it is in the verb's input, outermost first; the edge translates it to its own names. */
export interface InputIssue {
  path: ReadonlyArray<string | number>;
  /** Stable and machine-readable: `invalid_phone_number`, `unknown_tag`, `in_the_past`, ... */
  code: string;
  message: string;
}

export class InvalidInput extends Error {
  readonly kind = "invalid_input";
  readonly issues: readonly InputIssue[];
  constructor(issues: readonly InputIssue[]) {
    super(issues.map((issue) => issue.message).join(" "));
    this.issues = issues;
  }
  static of(path: string | ReadonlyArray<string | number>, code: string, message: string): InvalidInput {
    return new InvalidInput([{ path: typeof path === "string" ? [path] : path, code, message }]);
  }
}

/** No key, or none that opens anything now. */
export class Unauthenticated extends Error {
  readonly kind = "unauthenticated";
  readonly reason: "missing" | "malformed" | "unknown" | "revoked" | "expired";
  constructor(reason: Unauthenticated["reason"]) {
    super(`The API key is ${reason}.`);
    this.reason = reason;
  }
}

/** A good key that may not do this: a scope is missing, or the workspace is out of its reach. */
export class Forbidden extends Error {
  readonly kind = "forbidden";
  readonly reason: "scope" | "workspace";
  readonly scope: string | undefined;
  constructor(reason: "scope" | "workspace", scope?: string) {
    super(scope ? `The API key lacks the scope ${scope}.` : "The API key does not reach this workspace.");
    this.reason = reason;
    this.scope = scope;
  }
}

export type Resource =
  | "workspace"
  | "api_key"
  | "lead"
  | "list"
  | "tag"
  | "agent"
  | "phone_number"
  | "campaign"
  | "contact"
  | "conversation"
  | "call"
  | "dnc_entry"
  | "delivery"
  | "trunk";

/** There is no such thing in the workspace; another workspace's id looks just the same. */
export class NotFound extends Error {
  readonly kind = "not_found";
  readonly resource: Resource;
  readonly id: string;
  constructor(resource: Resource, id: string) {
    super(`There is no ${resource.replaceAll("_", " ")} ${id}.`);
    this.resource = resource;
    this.id = id;
  }
}

export type ConflictCode =
  | "lead_exists"
  | "name_taken"
  | "number_taken"
  | "in_use"
  | "duplicate_contact"
  | "idempotency_key_reused"
  | "idempotency_in_progress";

/** The request is well-formed but something that is there stands against it. `existingId`: that thing. */
export class Conflict extends Error {
  readonly kind = "conflict";
  readonly code: ConflictCode;
  readonly existingId: string | undefined;
  constructor(code: ConflictCode, message: string, existingId?: string) {
    super(message);
    this.code = code;
    this.existingId = existingId;
  }
}

export const isDomainError = (error: unknown): error is DomainError =>
  error instanceof InvalidInput ||
  error instanceof Unauthenticated ||
  error instanceof Forbidden ||
  error instanceof NotFound ||
  error instanceof Conflict;

export function assertNever(value: never): never {
  throw new Error(`Unexpected value: ${JSON.stringify(value)}`);
}
