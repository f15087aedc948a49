import type { Carrier } from "./carrier.ts";

/** A call on a trunk goes to `sip`, one without to the simulator. */
export const createCarrierRouter = ({ simulator, sip }: { simulator: Carrier; sip: Carrier }): Carrier => ({
  dial: (request, handler) => (request.trunkId === null ? simulator : sip).dial(request, handler),
});
