/** Milliseconds of the machine's monotonic clock: moments of different processes can be compared. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
