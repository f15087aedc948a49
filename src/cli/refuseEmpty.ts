import type { Command } from "commander";
import { Complaint } from "./complaint.ts";

/** No command means anything by an empty value: mostly it is a variable of the shell that is not set. Throws Complaint. */
export function refuseEmpty(command: Command): void {
  const given: Array<[name: string, value: unknown]> = [
    ...command.registeredArguments.map((argument, index): [string, unknown] => [`<${argument.name()}>`, command.processedArgs[index]]),
    ...command.options.map((option): [string, unknown] => [option.long ?? option.flags, command.getOptionValue(option.attributeName())]),
  ];
  const empty = given.find(([, value]) => [value].flat().some((one) => typeof one === "string" && one.trim() === ""));
  if (empty) throw new Complaint(`${empty[0]} is empty.`);
}
