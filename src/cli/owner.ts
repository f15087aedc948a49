import type { Context, House, Workspace } from "../core/context.ts";
import { NotFound } from "../core/errors.ts";
import { SCOPES } from "../core/scopes.ts";
import { findDirectory } from "../core/workspaces/findDirectory.ts";
import { findWorkspace } from "../core/workspaces/findWorkspace.ts";
import { listWorkspaces } from "../core/workspaces/listWorkspaces.ts";
import { isUuid, uidOf } from "../platform/ids.ts";
import { Complaint } from "./complaint.ts";

const uidFrom = (name: string): string => (isUuid(name) ? uidOf(name.toLowerCase()) : name);

/** The workspace that the operator named by id, uid or nickname; unnamed, the only one there is. Throws Complaint, NotFound. */
export async function workspaceNamed(house: House, name: string | undefined): Promise<Workspace> {
  if (name !== undefined) {
    const found = await findWorkspace(house, uidFrom(name));
    if (!found) throw new NotFound("workspace", name);
    return found;
  }
  const [only, ...others] = await listWorkspaces(house);
  if (!only) throw new Complaint("There is no workspace yet. Make one: leadline workspace create --help");
  if (others.length > 0) throw new Complaint("There are several workspaces; say which one with --workspace <id, uid or nickname>.");
  return workspaceNamed(house, only.uid);
}

/** The directory that the operator named by id or uid. Throws Complaint. */
export async function directoryNamed(house: House, name: string): Promise<{ id: string; uid: string; name: string }> {
  const found = await findDirectory(house, uidFrom(name));
  if (!found) throw new Complaint(`There is no directory ${name}. See: leadline directory list`);
  return found;
}

/** The operator may do everything in every workspace. */
export const operatorContext = (house: House, workspace: Workspace): Context => ({
  ...house,
  workspace,
  actor: { keyId: null, scopes: new Set(SCOPES) },
});
