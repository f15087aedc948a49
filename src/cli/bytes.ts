const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Such as 1.2 GB; a kilobyte is 1000 bytes. */
export function bytes(count: number): string {
  const power = Math.min(Math.max(0, Math.floor(Math.log10(count) / 3)), UNITS.length - 1);
  const value = count / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}
