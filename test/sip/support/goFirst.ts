import { constants, setPriority } from "node:os";

/** As the voice process does: audio does not wait for other test files. The telephones that we start inherit it. */
export function goFirst(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch {
    // It takes a right that root has.
  }
}
