import { newId } from "../../platform/ids.ts";
import { isTimeZone } from "../../platform/time-zone.ts";
import { type Context, requireScope } from "../context.ts";
import { type InputIssue, InvalidInput, NotFound } from "../errors.ts";
import type { Campaign, Day } from "./campaign.ts";

export interface CreateCampaign {
  name: string;
  /** The agent that calls. Must be active. */
  agentNumber: number;
  /** IANA; the workspace's when left out. */
  timeZone?: string;
  maxParallelCalls: number;
  /** `HH:MM` in the campaign's time zone. An end before the start is on the next day. */
  windowStart: string;
  windowEnd: string;
  days: readonly Day[];
  maxRetries: number;
  retryIntervalMinutes: number;
  retryOnVoicemail: boolean;
  retryOnGoalIncomplete: boolean;
  /** Which extracted value says that the goal was met. */
  goalVariable?: string | null;
  completeWhenEmpty: boolean;
  /** `phone_numbers.number` of the caller IDs to take turns with; none: the agent's own. */
  phoneNumbers: readonly number[];
}

/**
 * Makes a campaign, not running yet.
 * Throws InvalidInput("name" | "timeZone" | "windowEnd" | "days" | "goalVariable" | "phoneNumbers"), NotFound("agent").
 */
export async function createCampaign(ctx: Context, input: CreateCampaign): Promise<Campaign> {
  requireScope(ctx, "campaigns:write");
  const timeZone = input.timeZone ?? ctx.workspace.timeZone;
  const issues = check({ ...input, timeZone });
  if (issues.length > 0) throw new InvalidInput(issues);
  const now = ctx.clock.now();
  return ctx.db.transaction(async (tx) => {
    const agent = await tx
      .selectFrom("agents")
      .select("id")
      .where("workspace_id", "=", ctx.workspace.id)
      .where("number", "=", input.agentNumber)
      .where("is_active", "=", true)
      .forKeyShare()
      .executeTakeFirst();
    if (!agent) throw new NotFound("agent", String(input.agentNumber));
    const pool = await tx
      .selectFrom("phone_numbers")
      .select(["id", "number"])
      .where("workspace_id", "=", ctx.workspace.id)
      .where("number", "in", [...input.phoneNumbers, -1])
      .where("is_active", "=", true)
      .forKeyShare()
      .execute();
    const idOf = new Map(pool.map(({ id, number }) => [number, id]));
    const unknown = input.phoneNumbers.flatMap((number, index) => (idOf.has(number) ? [] : [unknownNumber(number, index)]));
    if (unknown.length > 0) throw new InvalidInput(unknown);
    const id = newId();
    const campaign = await tx
      .insertInto("campaigns")
      .values({
        workspace_id: ctx.workspace.id,
        id,
        name: input.name.trim(),
        status: "draft",
        agent_id: agent.id,
        time_zone: timeZone,
        max_parallel_calls: input.maxParallelCalls,
        window_start: input.windowStart,
        window_end: input.windowEnd,
        days: [...input.days],
        max_retries: input.maxRetries,
        retry_interval_minutes: input.retryIntervalMinutes,
        retry_on_voicemail: input.retryOnVoicemail,
        retry_on_goal_incomplete: input.retryOnGoalIncomplete,
        goal_variable: input.goalVariable ?? null,
        complete_when_empty: input.completeWhenEmpty,
        phone_number_ids: input.phoneNumbers.flatMap((number) => idOf.get(number) ?? []),
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await tx
      .insertInto("events")
      .values({ workspace_id: ctx.workspace.id, id: newId(), type: "campaign.created", subject_id: id, created_at: now })
      .execute();
    return campaign;
  });
}

function check(input: CreateCampaign & { timeZone: string }): InputIssue[] {
  const issues: InputIssue[] = [];
  const wrong = (path: string, code: string, message: string) => issues.push({ path: [path], code, message });
  if (input.name.trim() === "") wrong("name", "empty", "The name must not be blank.");
  if (!isTimeZone(input.timeZone)) wrong("timeZone", "invalid_time_zone", `${input.timeZone} is no IANA time zone.`);
  if (input.windowStart === input.windowEnd) wrong("windowEnd", "empty_window", "The calling window must not end when it starts.");
  if (input.days.length === 0) wrong("days", "empty", "The campaign needs one day of the week at least.");
  if (input.retryOnGoalIncomplete && !input.goalVariable) {
    wrong("goalVariable", "required", "To call again until the goal is met, name the variable that says so.");
  }
  return issues;
}

const unknownNumber = (number: number, index: number): InputIssue => ({
  path: ["phoneNumbers", index],
  code: "unknown_phone_number",
  message: `There is no active phone number ${number}.`,
});
