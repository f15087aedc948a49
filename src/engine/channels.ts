/** Notified when a lease or a channel came free for which calls wait; heard by dispatchers. */
export const QUEUE_CHANNEL = "leadline_queue";
/** Notified when calls were admitted; heard by voice nodes. */
export const DIAL_CHANNEL = "leadline_dial";
