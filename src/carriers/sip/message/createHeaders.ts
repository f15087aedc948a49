import { headerKey, isList, longName } from "./headerNames.ts";
import type { Headers } from "./headers.ts";
import { splitList } from "./splitList.ts";

interface Field {
  readonly key: string;
  readonly name: string;
  readonly value: string;
}

/** What may stand in them is checked when they are written. */
export function createHeaders(entries: Iterable<readonly [name: string, value: string]> = []): Headers {
  const fields: Field[] = [];
  for (const [name, value] of entries) fields.push(field(name, value));
  return over(fields);
}

const field = (name: string, value: string): Field => ({ key: headerKey(name), name: longName(name), value });

function over(fields: readonly Field[]): Headers {
  const find = (name: string): Field | undefined => {
    const key = headerKey(name);
    return fields.find((one) => one.key === key);
  };
  const others = (name: string): Field[] => {
    const key = headerKey(name);
    return fields.filter((one) => one.key !== key);
  };
  return {
    get: (name) => find(name)?.value,
    all: (name) => {
      const key = headerKey(name);
      const values = fields.filter((one) => one.key === key).map((one) => one.value);
      return isList(key) ? values.flatMap((value) => splitList(value) ?? [value]).filter((value) => value !== "") : values;
    },
    has: (name) => find(name) !== undefined,
    with: (name, ...values) => {
      const key = headerKey(name);
      const first = fields.findIndex((one) => one.key === key);
      const rest = others(name);
      const at = first < 0 ? rest.length : fields.slice(0, first).filter((one) => one.key !== key).length;
      return over([...rest.slice(0, at), ...values.map((value) => field(name, value)), ...rest.slice(at)]);
    },
    adding: (name, value) => {
      const key = headerKey(name);
      const last = fields.findLastIndex((one) => one.key === key);
      const at = last < 0 ? fields.length : last + 1;
      return over([...fields.slice(0, at), field(name, value), ...fields.slice(at)]);
    },
    without: (name) => over(others(name)),
    entries: () => fields.map((one) => [one.name, one.value] as const),
  };
}
