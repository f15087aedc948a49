import type { Call } from "../core/calls/row.ts";

/** What the marks of a call's texts stand for. */
export interface TemplateValues {
  call: Pick<Call, "direction" | "from_number" | "to_number" | "variables">;
  /** IANA, of the workspace. */
  timeZone: string;
  now: Date;
}

const MARK = /\{\{\s*([^{}]{1,200}?)\s*\}\}/g;
const ZONED = "CurrentDateTime.";

/** Fills the `{{Name}}` marks of a text: the built-in names of yappr 4.3, then the call's own variables; nothing for others. */
export function fillTemplate(text: string, values: TemplateValues): string {
  return text.replace(MARK, (_mark, name: string) => builtIn(name, values) ?? own(name, values) ?? "");
}

function own(name: string, { call }: TemplateValues): string | undefined {
  const value = Object.hasOwn(call.variables, name) ? call.variables[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

function builtIn(name: string, { call, timeZone, now }: TemplateValues): string | undefined {
  if (name.startsWith(ZONED)) return isoDateTime(now, name.slice(ZONED.length)) ?? "";
  switch (name) {
    case "CallerPhone":
      return call.direction === "outbound" ? call.to_number : call.from_number;
    case "CurrentDate":
      return isoDateTime(now, timeZone)?.slice(0, 10);
    case "CurrentTime":
      return isoDateTime(now, timeZone)?.slice(11, 16);
    case "CurrentDateTime":
      return isoDateTime(now, timeZone);
    case "CallDirection":
      return call.direction;
    case "Timezone":
      return timeZone;
    default:
      return undefined;
  }
}

/** Such as 2026-05-17T14:30:05+03:00; undefined when there is no such zone. */
function isoDateTime(now: Date, timeZone: string): string | undefined {
  try {
    return Temporal.Instant.fromEpochMilliseconds(now.getTime())
      .toZonedDateTimeISO(timeZone)
      .toString({ smallestUnit: "second", timeZoneName: "never" });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
