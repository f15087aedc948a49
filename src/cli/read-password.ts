import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { Complaint } from "./complaint.ts";

/** The password that an option was given; `-` is read from standard input, unseen when that is a terminal. Throws Complaint. */
export async function passwordFrom(option: string): Promise<string> {
  if (option !== "-") return option;
  const typed = process.stdin.isTTY ? await ask() : (await text(process.stdin)).replace(/\r?\n$/, "");
  if (typed === "") throw new Complaint("There is no password on standard input.");
  return typed;
}

async function ask(): Promise<string> {
  process.stderr.write("Password: ");
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once("line", resolve);
      reader.once("SIGINT", () => reject(new Complaint("Stopped.")));
      reader.once("close", () => resolve(""));
    });
  } finally {
    reader.close();
    process.stderr.write("\n");
  }
}
