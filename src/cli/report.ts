/** Says on standard error what went wrong, in one sentence; with LOG_LEVEL=debug also where. */
export function report(error: unknown): void {
  process.stderr.write(`leadline: ${sentence(error)}\n`);
  const level = process.env.LOG_LEVEL?.trim();
  if (level === "debug" || level === "trace") console.error(error);
}

/** The error and what caused it. */
export function sentence(error: unknown): string {
  return (error instanceof Error && listenTrouble(error)) || words(error);
}

function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.message === "") return words(error.errors[0]);
  if ("syscall" in error && "path" in error) return `${String(error.path)} cannot be used: ${fileTrouble(error)}.`;
  const cause = error.cause instanceof Error ? ` ${words(error.cause)}` : "";
  return `${error.message}${cause}`;
}

const LISTEN_TROUBLE: Record<string, string> = {
  EADDRINUSE: "is taken by another program. Stop that, or set PORT to another one",
  EACCES: "may not be opened by this user. Set PORT to 1024 or more",
  EADDRNOTAVAIL: "cannot be opened: HOST is no address of this machine",
};

function listenTrouble(error: Error): string | undefined {
  if (!("syscall" in error && "code" in error)) return undefined;
  if (error.syscall === "getaddrinfo" && "hostname" in error) return `HOST ${String(error.hostname)} is no address of this machine.`;
  const trouble = error.syscall === "listen" ? LISTEN_TROUBLE[String(error.code)] : undefined;
  return trouble && "port" in error && "address" in error ? `Port ${error.port} on ${error.address} ${trouble}.` : undefined;
}

const FILE_TROUBLE: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "there is something else of that name",
  ENAMETOOLONG: "the path is too long",
  ELOOP: "the path has a loop of links",
};

function fileTrouble(error: Error): string {
  return ("code" in error && FILE_TROUBLE[String(error.code)]) || error.message;
}
