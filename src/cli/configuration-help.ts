import { VARIABLES } from "../config.ts";

/** Every setting with its default, for `leadline --help`. */
export function configurationHelp(): string {
  const rows = Object.entries(VARIABLES).map(([name, { help, fallback }]) => {
    const shown = fallback === "" ? "" : ` Default: ${fallback}`;
    return `  ${name.padEnd(widest)}  ${help}${shown}`;
  });
  return ["Settings are environment variables; an empty one counts as not set.", "", ...rows].join("\n");
}

const widest = Math.max(...Object.keys(VARIABLES).map((name) => name.length));
