/**
 * For a statement that is told again when it fails. What the network has swallowed is sent again long after the network is back, but
 * another connection does not wait for that.
 */
export const IN_TIME = { query_timeout: 2_000 };
