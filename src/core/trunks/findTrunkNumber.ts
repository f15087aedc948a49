import { countryOf, nationalDigits, toE164 } from "../../platform/phone.ts";
import type { House } from "../context.ts";

/** Fewer digits than these at a number's end say too little. */
const LEAST_DIGITS = 6;

/**
 * Which of these trunks has a called number, as gateways write it: with or without a plus, with 00 in front, or in the national
 * form of the country that the number on the trunk belongs to. In doubt the trunk named first. Undefined: none of them.
 */
export async function findTrunkNumber(
  { db }: Pick<House, "db">,
  trunkIds: readonly string[],
  called: string,
): Promise<{ trunkId: string; phone: string } | undefined> {
  const digits = called.replace(/\D/g, "");
  const tail = digits.replace(/^0+/, "");
  if (tail.length < LEAST_DIGITS || trunkIds.length === 0) return undefined;
  const { rows } = await db.pool.query<{ trunk_id: string; phone: string }>({
    name: "find-trunk-number",
    text: `select trunk_id, phone from trunk_numbers where trunk_id = any($1::uuid[]) and (phone = '+' || $2 or phone like '%' || $2)
      order by phone = '+' || $2 desc, array_position($1::uuid[], trunk_id), phone`,
    values: [trunkIds, tail],
  });
  const means = (phone: string) =>
    phone === `+${tail}` || nationalDigits(phone) === digits || phone === toE164(called, countryOf(phone) ?? "ZZ");
  const found = rows.find(({ phone }) => means(phone));
  return found && { trunkId: found.trunk_id, phone: found.phone };
}
