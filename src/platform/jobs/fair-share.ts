/**
 * Keeps one workspace from taking every worker: it gets another only while it holds fewer than are left free. Alone it can
 * have half of them, beside another a third, and a newcomer always finds some free, however slow the others' jobs are.
 */
export interface FairShare {
  /** The workspaces that have to wait. */
  full(): string[];
  /** Counts `work` as the workspace's while it runs. */
  run<R>(workspaceId: string | undefined, work: () => Promise<R>): Promise<R>;
}

export function createFairShare(workers: number): FairShare {
  const held = new Map<string, number>();
  let busy = 0;
  return {
    full: () => [...held].filter(([, count]) => count >= workers - busy).map(([workspaceId]) => workspaceId),
    async run(workspaceId, work) {
      busy++;
      if (workspaceId !== undefined) held.set(workspaceId, (held.get(workspaceId) ?? 0) + 1);
      try {
        return await work();
      } finally {
        busy--;
        if (workspaceId !== undefined) {
          const left = (held.get(workspaceId) ?? 1) - 1;
          if (left > 0) held.set(workspaceId, left);
          else held.delete(workspaceId);
        }
      }
    },
  };
}
