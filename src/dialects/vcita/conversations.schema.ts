import { Type } from "typebox";
import { Nullable } from "../kit/schema.ts";

const Text = Type.String();
const MaybeText = Nullable(Text);

export const ConversationsReply = Type.Object({
  status: Text,
  data: Type.Object({
    conversations: Type.Array(
      Type.Object({
        id: Text,
        business_id: Text,
        client_id: Text,
        staff_id: MaybeText,
        title: MaybeText,
        business_unread: Type.Boolean(),
        client_unread: Type.Boolean(),
        last_business_action: MaybeText,
        last_client_action: MaybeText,
        deep_link: Text,
        created_at: Text,
        updated_at: Text,
      }),
    ),
  }),
});

export const MessagesReply = Type.Array(
  Type.Object({
    uid: Text,
    conversation_uid: Text,
    text: Text,
    title: MaybeText,
    subject: MaybeText,
    message_description: MaybeText,
    sub_type: Text,
    message_type: Text,
    message_of: Text,
    direction: Text,
    data: Type.Array(Type.Unknown()),
    documents: Type.Array(Type.Unknown()),
    attachments: Type.Array(Type.Unknown()),
    channels: Type.Array(Text),
    channel_uid: MaybeText,
    mail_sent: Type.Boolean(),
    mail_delivered: Type.Boolean(),
    mail_read: Type.Boolean(),
    was_read: Type.Boolean(),
    messageable: MaybeText,
    appointment_title: MaybeText,
    trust: Type.Boolean(),
    external_data: Type.Object({}, { additionalProperties: true }),
    staff: MaybeText,
    created_at: Text,
    created_at_h: Text,
    updated_at: Text,
  }),
);
