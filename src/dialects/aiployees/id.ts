import { Type } from "typebox";

/** What is no number of anything is not found; only what JavaScript cannot count to is refused. */
export const Id = () => Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });
