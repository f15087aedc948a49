import type { Carrier } from "./carrier.ts";

/** A call on a trunk goes to `sip`, one without to the simulator. A server without SIP fails calls on trunks, and says why. */
export function createCarrierRouter({ simulator, sip }: { simulator: Carrier; sip: Carrier | undefined }): Carrier {
  return {
    dial(request, handler) {
      if (request.trunkId === null) return simulator.dial(request, handler);
      return (sip ?? NO_SIP).dial(request, handler);
    },
  };
}

const DETAIL = "SIP is off on this server; set SIP_LISTEN.";

const NO_SIP: Carrier = {
  dial(_request, handler) {
    // The handler hears nothing before `dial` has returned.
    queueMicrotask(() => handler.ended({ cause: "failed", detail: DETAIL }));
    return { hangup: () => undefined, transfer: async () => ({ accepted: false, detail: DETAIL }) };
  },
};
