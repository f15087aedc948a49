/** Notified with a trunk's id when it was added, changed or removed; heard by whoever keeps trunks in mind. */
export const TRUNKS_CHANNEL = "leadline_trunks";
