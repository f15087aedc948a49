import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Authenticator, Principal } from "../../core/api-keys/authenticate.ts";
import type { House, Workspace } from "../../core/context.ts";
import type { Scope } from "../../core/scopes.ts";
import type { KeyKind } from "../../core/tables.ts";
import type { Problem } from "./problem.ts";

/** An answer that no route gave: an error in the dialect's envelope. */
export interface Answer {
  status: number;
  /** An object is sent as JSON; a string as `contentType`, or plain text. */
  body: unknown;
  contentType?: string;
  headers?: Record<string, string>;
}

/** One product's way of speaking to Leadline. */
export interface Dialect {
  name: string;
  /** Of its API description at /docs. */
  title: string;
  description: string;
  /** Whether a path without a route is answered by this dialect. */
  owns(path: string): boolean;
  /** The request's API key. Throws Unauthenticated: missing or malformed. */
  token(request: FastifyRequest): string;
  /** The workspace the request is about, once the key is known. `businessOf` of `kit/authenticate.ts` serves most. */
  workspace(request: FastifyRequest, principal: Principal, authenticator: Authenticator): Promise<Workspace>;
  /** When `workspace` may look at the body: after it has been read. */
  workspaceFromBody?: boolean;
  present(problem: Problem, request: FastifyRequest): Answer;
  /** Words a new key; `number` counts the keys of the installation. */
  mint(number: number, kind: KeyKind): string;
  /** The dialect's own scope names; each opens some of ours. */
  scopes: Readonly<Record<string, readonly Scope[]>>;
  /** `publicUrl`: where clients reach this server, without a trailing slash. */
  routes(app: FastifyInstance, house: House, publicUrl: string): void;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answers without a key: always, or the requests that bring another proof, which the route itself checks. */
    public?: boolean | ((request: FastifyRequest) => boolean);
  }
}
