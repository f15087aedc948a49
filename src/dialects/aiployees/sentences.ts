import type { FieldError } from "../../platform/http/validator.ts";

type Path = ReadonlyArray<string | number>;

/** aiployees 4.1 and 4.3: the one sentence of a phone number that cannot be read. */
export const BAD_PHONE = "Invalid phone number";

/** How Laravel calls a field in a sentence: underscores are spaces, but one within a list keeps its raw name (aiployees 1.3). */
export function attribute(path: Path): string {
  const name = path.join(".");
  return path.some((part) => typeof part === "number") ? name : name.replaceAll("_", " ");
}

/** The default sentence of Laravel's rule for what JSON Schema found wrong (aiployees 1.3). */
export function sentence(field: FieldError): string {
  const { keyword, params, path } = field;
  const name = attribute(path);
  if (path.length === 0) return "The request must be a JSON object.";
  if (keyword !== "required" && keyword !== "type" && path.at(-1) === "phone_number") return BAD_PHONE;
  switch (keyword) {
    case "required":
      return `The ${name} field is required.`;
    case "type":
      return typed(name, params.type);
    case "enum":
      return `The selected ${name} is invalid.`;
    case "minLength":
      return params.limit === 1 ? `The ${name} field is required.` : `The ${name} must be at least ${params.limit} characters.`;
    case "maxLength":
      return `The ${name} may not be greater than ${params.limit} characters.`;
    case "minimum":
      return `The ${name} must be at least ${params.limit}.`;
    case "maximum":
      return `The ${name} may not be greater than ${params.limit}.`;
    case "minItems":
      return `The ${name} must have at least ${params.limit} items.`;
    case "maxItems":
      return `The ${name} may not have more than ${params.limit} items.`;
    case "uniqueItems":
      return `The ${name} field has a duplicate value.`;
    case "pattern":
      return `The ${name} does not match the format H:i.`;
    case "format":
      return params.format === "date" ? `The ${name} does not match the format Y-m-d.` : `The ${name} must be a valid zone.`;
    default:
      return `The ${name} ${field.message}.`;
  }
}

function typed(name: string, type: unknown): string {
  switch (type) {
    case "boolean":
      return `The ${name} field must be true or false.`;
    case "integer":
      return `The ${name} must be an integer.`;
    case "string":
      return `The ${name} must be a string.`;
    default:
      return `The ${name} must be an array.`;
  }
}
