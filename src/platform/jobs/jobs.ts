export type { TaskFunctions } from "./perform.ts";
export { type JobsOptions, migrateJobs, startJobs } from "./startJobs.ts";
export { type Attempt, type EnqueueOptions, enqueue, type Task, type TaskName, type Tasks, TryLater } from "./tasks.ts";
