import type { RequestFailure, Target } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import { writeMessage } from "../message/writeMessage.ts";
import type { Transports } from "../transport/createTransports.ts";
import type { Path } from "../transport/path.ts";
import { ownVia, withOwnVia } from "./branch.ts";

/** A request ready to be sent: with its Via, as bytes, and the way. */
export interface Prepared {
  request: SipRequest;
  bytes: Buffer;
  path: Path;
}

export interface Preparer {
  /** Finds the way and puts on the Via. Never rejects. */
  prepare(request: SipRequest, target: Target, branch: string, fresh?: boolean): Promise<Prepared | { failure: RequestFailure }>;
}

/** RFC 3261 18.1.1: what is bigger goes over TCP. */
const MAX_DATAGRAM_BYTES = 1_300;
/** A gateway without TCP often says nothing at all; the call must not wait long for that. */
const TCP_INSTEAD_CONNECT_MS = 1_000;
const WITHOUT_TCP_MS = 10 * 60_000;
const KEPT_TARGETS = 1_000;

export function createPreparer(transports: Transports): Preparer {
  /** Targets that did not take TCP, and until when that is believed. */
  const withoutTcp = new Map<string, number>();

  async function overTcp(target: Target): Promise<Path | null> {
    const key = `${target.host}:${target.port}`;
    if (!transports.listensOn("tcp") || (withoutTcp.get(key) ?? 0) > performance.now()) return null;
    const opened = await transports.open({ ...target, protocol: "tcp" }, { timeoutMs: TCP_INSTEAD_CONNECT_MS });
    if ("path" in opened) return opened.path;
    if (withoutTcp.size >= KEPT_TARGETS) withoutTcp.clear();
    withoutTcp.set(key, performance.now() + WITHOUT_TCP_MS);
    return null;
  }

  return {
    prepare: async (request, target, branch, fresh = false) => {
      try {
        const opened = await transports.open(target, { fresh });
        if ("failure" in opened) return opened;
        const prepared = write(request, opened.path, branch);
        if (target.protocol !== "udp" || prepared.bytes.length <= MAX_DATAGRAM_BYTES) return prepared;
        const path = await overTcp(target);
        return path ? write(request, path, branch) : prepared;
      } catch (error) {
        return {
          failure: { kind: "unreachable", detail: `the request cannot be written: ${error instanceof Error ? error.message : error}` },
        };
      }
    },
  };
}

function write(request: SipRequest, path: Path, branch: string): Prepared {
  const own = withOwnVia(request, ownVia(path.protocol, path.sentBy, branch));
  return { request: own, bytes: writeMessage(own), path };
}
