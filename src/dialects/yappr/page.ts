import { type TSchema, Type } from "typebox";

/** yappr 1.4. */
export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }),
};

export const PageReply = <T extends TSchema>(item: T) =>
  Type.Object({
    data: Type.Array(item),
    pagination: Type.Object({ total: Type.Integer(), limit: Type.Integer(), offset: Type.Integer(), has_more: Type.Boolean() }),
  });

export const page = <Item>(data: Item[], total: number, { limit, offset }: { limit: number; offset: number }) => ({
  data,
  pagination: { total, limit, offset, has_more: offset + data.length < total },
});
