import { Type } from "typebox";

/** vcita 1: pages are counted from 1, and a page says nothing of how many there are. */
export const paging = (perPage: number) => ({
  page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: perPage }),
});

export const toPage = ({ page, per_page }: { page: number; per_page: number }) => ({ limit: per_page, offset: (page - 1) * per_page });
