import { readFile } from "node:fs/promises";
import { DuetError } from "../kit/errors.ts";

const defaultGroup = "duet";

/** The number of a group by name or number (group(5)); "" takes group `duet` where the host has it, else root's. */
export async function groupId(group: string): Promise<number | undefined> {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  const wanted = group === "" ? defaultGroup : group;
  const lines = (await readFile("/etc/group", "utf8")).split("\n");
  const entry = lines.map((line) => line.split(":")).find(([name]) => name === wanted);
  if (entry !== undefined) return Number(entry[2]);
  if (group === "") return undefined;
  throw new DuetError("not-found", "GROUP_NOT_FOUND", `no group ${group} on this host`, {
    hint: `make it with groupadd ${group}, or choose another`,
  });
}
