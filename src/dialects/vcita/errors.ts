import type { FastifyRequest } from "fastify";
import { assertNever, type DomainError } from "../../core/errors.ts";
import type { Answer } from "../kit/dialect.ts";
import { type Problem, ProblemError } from "../kit/problem.ts";
import { envelopes } from "./envelopes.ts";
import { familyOf } from "./families.ts";
import { wordFields, wordIssue } from "./words.ts";

/** A problem in vCita's terms, before one of its envelopes is chosen. */
export interface Told {
  status: number;
  /** One text for each thing that is wrong. */
  details: readonly string[];
  /** What of the caller's rights did not do. */
  refused?: "token" | "business" | "scope" | "rate";
}

export function present(problem: Problem, request: FastifyRequest): Answer {
  const family = familyOf(request.url.split("?", 1)[0] ?? "") ?? "platform";
  return envelopes[family](tell(problem));
}

function tell(problem: Problem): Told {
  switch (problem.kind) {
    case "domain":
      return tellDomain(problem.error);
    // 422 and not 400 is what most of the API does (vcita 4.3).
    case "invalid_request":
      return { status: 422, details: wordFields(problem.fields) };
    case "malformed_body":
      return told(400, problem.message);
    case "unsupported_media_type":
      return told(415, "Send the body as application/json, application/x-www-form-urlencoded or multipart/form-data");
    case "body_too_large":
      return told(413, "The request body is too large");
    case "bad_url":
      return told(400, "The URL is not valid");
    case "route_not_found":
      return told(404, `There is no ${problem.method} ${problem.path}`);
    case "method_not_allowed":
      return told(405, `${problem.path} takes ${problem.allowed.join(", ")}`);
    case "rate_limited":
      return { ...told(429, "Too many requests"), refused: "rate" };
    case "unavailable":
      return told(503, "The store cannot be reached just now; try again");
    case "internal":
      return told(500, "Something went wrong on our side");
    default:
      return assertNever(problem);
  }
}

function tellDomain(error: DomainError): Told {
  switch (error.kind) {
    case "invalid_input":
      return { status: 422, details: error.issues.map(wordIssue) };
    case "unauthenticated":
      return { ...told(401, error.message), refused: "token" };
    case "forbidden":
      return error.reason === "scope"
        ? { ...told(401, `The token lacks the scope ${error.scope}`), refused: "scope" }
        : { ...told(401, "The token reaches no business of this UID or nickname"), refused: "business" };
    case "not_found":
      // vcita 6.2: a client that is not there is 422; vcita 7.2: a conversation is 404.
      return error.resource === "lead"
        ? told(422, "Client not found")
        : told(404, `Couldn't find ${error.resource === "conversation" ? "Conversation" : "resource"}`);
    case "conflict":
      return told(409, error.message);
    default:
      return assertNever(error);
  }
}

const told = (status: number, message: string): Told => ({ status, details: [message] });

export const badQuery = (name: string, keyword: string, message: string): ProblemError =>
  new ProblemError({ kind: "invalid_request", part: "querystring", fields: [{ path: [name], keyword, params: {}, message }] });

export const missingQuery = (name: string): ProblemError => badQuery(name, "required", "is required");
