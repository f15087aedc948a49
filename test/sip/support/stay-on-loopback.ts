import { Socket } from "node:dgram";
import dns from "node:dns/promises";
import { syncBuiltinESMExports } from "node:module";

/** Where a packet was to go that was kept here, and names that nobody was asked for. */
export interface KeptHere {
  addresses: Set<string>;
  names: Set<string>;
}

/**
 * From now on this process sends no datagram to other machines, and asks nobody for names: none of them is known. For messages that
 * name addresses of the whole world. (TCP from an address of the loopback leads nowhere else by itself.)
 */
export function stayOnLoopback(): KeptHere {
  const kept: KeptHere = { addresses: new Set(), names: new Set() };
  const { send } = Socket.prototype;
  Object.defineProperty(Socket.prototype, "send", {
    value(this: Socket, ...args: unknown[]) {
      const address = args.find((argument) => typeof argument === "string") ?? "";
      if (address.startsWith("127.") || address === "::1") return Reflect.apply(send, this, args);
      kept.addresses.add(address);
      const done = args.at(-1);
      const error = Object.assign(new Error("kept on the loopback"), { code: "ENETUNREACH" });
      if (typeof done === "function") queueMicrotask(() => done(error));
    },
  });
  const nobody = (name: string) => {
    kept.names.add(name);
    return Promise.reject(Object.assign(new Error(`nobody is asked for ${name}`), { code: "ENOTFOUND" }));
  };
  Object.defineProperty(dns, "lookup", { value: nobody });
  Object.defineProperty(dns.Resolver.prototype, "resolveSrv", { value: nobody });
  syncBuiltinESMExports();
  return kept;
}
