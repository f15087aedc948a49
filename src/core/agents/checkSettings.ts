import { isE164 } from "../../platform/phone.ts";
import type { InputIssue } from "../errors.ts";
import { isReservedHeader } from "../webhooks/reservedHeader.ts";
import type { AgentChanges, KeypadAction } from "./settings.ts";

/** The rules of an agent's settings that go beyond a field's type and range; every one that is broken. */
export function checkSettings(changes: AgentChanges): InputIssue[] {
  return [
    ...checkWebhookUrl(changes.webhook_url ?? null),
    ...Object.entries(changes.webhook_headers ?? {}).flatMap(([name, value]) => checkWebhookHeader(name, value)),
    ...checkExtraction(changes.extraction_parameters ?? []),
    ...Object.entries(changes.keypad_actions ?? {}).flatMap(([key, action]) => checkKeypadAction(key, action)),
  ];
}

function checkWebhookUrl(webhookUrl: string | null): InputIssue[] {
  if (webhookUrl === null) return [];
  const url = URL.parse(webhookUrl);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return [{ path: ["webhook_url"], code: "invalid_url", message: "webhook_url must be an http or https URL." }];
  }
  if (url.username === "" && url.password === "") return [];
  return [
    { path: ["webhook_url"], code: "invalid_url", message: "webhook_url must not hold a user or password; send them in webhook_headers." },
  ];
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Printable ASCII and tab: what every HTTP stack can carry. */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;
function checkWebhookHeader(name: string, value: string): InputIssue[] {
  const issue = (code: string, message: string) => [{ path: ["webhook_headers", name], code, message: `webhook_headers: ${message}` }];
  if (!TOKEN.test(name)) return issue("invalid_header_name", `${JSON.stringify(name)} is not a header name.`);
  if (isReservedHeader(name)) return issue("reserved_header", `${name} is set by the delivery itself.`);
  if (!FIELD_VALUE.test(value)) return issue("invalid_header_value", `the value of ${name} must be printable ASCII.`);
  return [];
}

function checkExtraction(parameters: ReadonlyArray<{ name: string }>): InputIssue[] {
  return parameters.flatMap(({ name }, index) =>
    parameters.findIndex((other) => other.name === name) === index
      ? []
      : [
          {
            path: ["extraction_parameters", index, "name"],
            code: "duplicate",
            message: `extraction_parameters: ${name} is there more than once.`,
          },
        ],
  );
}

function checkKeypadAction(key: string, action: KeypadAction | undefined): InputIssue[] {
  const issue = (path: string[], code: string, message: string) => [
    { path: ["keypad_actions", ...path], code, message: `keypad_actions: ${message}` },
  ];
  if (!/^[0-9*#]$/.test(key)) return issue([key], "invalid_key", `${JSON.stringify(key)} is not one of the keys 0 to 9, * and #.`);
  if (action?.action !== "transfer") {
    return action && "to" in action ? issue([key, "to"], "unexpected", `${key} hangs up, so it has no number to transfer to.`) : [];
  }
  // The schema of a door may leave it out.
  const to: string | undefined = action.to;
  if (to !== undefined && isE164(to)) return [];
  return issue([key, "to"], "invalid_phone_number", `${key} needs the number to transfer to, in E.164, such as +972501234567.`);
}
