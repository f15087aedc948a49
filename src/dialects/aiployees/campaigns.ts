import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import { DAYS } from "../../core/campaigns/campaign.ts";
import { type CreateCampaign, createCampaign } from "../../core/campaigns/createCampaign.ts";
import { listCampaigns } from "../../core/campaigns/listCampaigns.ts";
import { CampaignsReply, CreateCampaignBody, CreatedCampaignReply } from "./campaigns.schema.ts";
import { presentCampaign } from "./present.ts";

export function campaignRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  // The origin documents the singular, its siblings the plural (aiployees 5.3).
  for (const url of ["/api/user/campaign", "/api/user/campaigns"]) {
    app.post(
      url,
      { schema: { tags: ["Campaigns"], summary: "Create a campaign", body: CreateCampaignBody, response: { 201: CreatedCampaignReply } } },
      async (request, reply) => {
        const campaign = await createCampaign(request.ctx, toCampaign(request.body));
        return reply.code(201).send({ message: "Campaign created successfully", data: presentCampaign(campaign) });
      },
    );
  }

  app.get(
    "/api/user/campaigns",
    { schema: { tags: ["Campaigns"], summary: "List campaigns", response: { 200: CampaignsReply } } },
    async (request) => (await listCampaigns(request.ctx)).map(presentCampaign),
  );
}

/** With the defaults of aiployees 5.3. */
function toCampaign(body: Static<typeof CreateCampaignBody>): CreateCampaign {
  return {
    name: body.name,
    agentNumber: body.assistant_id,
    ...(body.timezone !== undefined ? { timeZone: body.timezone } : {}),
    maxParallelCalls: body.max_calls_in_parallel ?? 3,
    windowStart: body.allowed_hours_start_time ?? "00:00",
    windowEnd: body.allowed_hours_end_time ?? "23:59",
    days: body.allowed_days ?? DAYS,
    maxRetries: body.max_retries ?? 3,
    retryIntervalMinutes: body.retry_interval ?? 60,
    retryOnVoicemail: body.retry_on_voicemail ?? false,
    retryOnGoalIncomplete: body.retry_on_goal_incomplete ?? false,
    goalVariable: body.goal_completion_variable ?? null,
    completeWhenEmpty: body.mark_complete_when_no_leads ?? true,
    phoneNumbers: body.phone_number_ids ?? [],
  };
}
