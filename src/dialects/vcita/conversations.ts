import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { type Context, requireScope } from "../../core/context.ts";
import { type ConversationFilter, listConversations } from "../../core/conversations/listConversations.ts";
import { listMessages } from "../../core/conversations/listMessages.ts";
import { BusinessHeader } from "./business.ts";
import { ConversationsReply, MessagesReply } from "./conversations.schema.ts";
import { paging, toPage } from "./paging.ts";
import { presentConversation, presentMessage } from "./present.ts";

const IdParams = Type.Object({ id: Type.String() });

export function conversationRoutes(instance: FastifyInstance): void {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    "/platform/v1/conversations",
    {
      schema: {
        tags: ["Conversations"],
        headers: BusinessHeader,
        summary: "List conversations",
        querystring: Type.Object({
          ...paging(25),
          client_id: Type.Optional(Type.String({ maxLength: 100 })),
          folder: Type.Optional(Type.String({ maxLength: 100, description: "`attention` shows the unread ones." })),
        }),
        response: { 200: ConversationsReply },
      },
    },
    async ({ ctx, query }) => {
      // A conversation cannot be archived, deleted or followed up here, so those folders are empty; unknown words are ignored (vcita 7.1).
      requireScope(ctx, "conversations:read");
      if (["archived", "trash", "follow_up", "sent"].includes(query.folder ?? "")) return reply(ctx, []);
      const filter: ConversationFilter = {
        ...(query.client_id !== undefined ? { leadUid: query.client_id } : {}),
        unread: query.folder === "attention",
      };
      return reply(ctx, await listConversations(ctx, filter, toPage(query)));
    },
  );

  app.get(
    "/platform/v1/clients/:id/conversations",
    {
      schema: {
        tags: ["Conversations"],
        headers: BusinessHeader,
        summary: "List a client's conversations",
        params: IdParams,
        querystring: Type.Object(paging(25)),
        response: { 200: ConversationsReply },
      },
    },
    async ({ ctx, params, query }) => reply(ctx, await listConversations(ctx, { leadUid: params.id }, toPage(query))),
  );

  app.get(
    "/v2/conversations/:id/messages",
    {
      schema: {
        tags: ["Conversations"],
        headers: BusinessHeader,
        summary: "List messages, oldest first",
        params: IdParams,
        querystring: Type.Object(paging(20)),
        response: { 200: MessagesReply },
      },
    },
    async ({ ctx, params, query }) => {
      const { conversation, messages } = await listMessages(ctx, params.id, toPage(query));
      return messages.map((message) => presentMessage(message, conversation, ctx.workspace));
    },
  );
}

const reply = (ctx: Context, conversations: Awaited<ReturnType<typeof listConversations>>) => ({
  status: "OK",
  data: { conversations: conversations.map((conversation) => presentConversation(conversation, ctx.workspace)) },
});
