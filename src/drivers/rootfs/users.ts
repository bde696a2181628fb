import type { UserLookup } from "../../domain/rootfs.ts";
import { DuetError } from "../../kit/errors.ts";

/** The two files of a root; empty where they are absent. */
export interface UserFiles {
  readonly passwd: string;
  readonly group: string;
}

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const largestId = 2 ** 31 - 1;

/**
 * Who `user` (`name|uid[:group|gid]`, "" for root) is in a root, with supplementary `groups` by name
 * or number, as runc's GetExecUser: numbers need no entry, names do. Throws `invalid` USER_NOT_FOUND
 * or GROUP_NOT_FOUND.
 */
export function lookUpUser(files: UserFiles, user: string, groups: readonly string[]): UserLookup {
  const [userPart = "", groupPart = ""] = splitOnce(user);
  const users = passwdLines(files.passwd);
  const known = groupLines(files.group);
  const line = userPart === "" ? users.find((one) => one.uid === 0) : findUser(users, userPart);
  const uid = line?.uid ?? (userPart === "" ? 0 : idOf(userPart));
  if (uid === undefined) {
    throw new DuetError(
      "invalid",
      "USER_NOT_FOUND",
      `unable to find user ${userPart}: no matching entries in passwd file`,
    );
  }
  const gid = groupPart === "" ? (line?.gid ?? 0) : groupId(known, groupPart);
  const member =
    groupPart === "" && line !== undefined
      ? known.filter((group) => group.members.includes(line.name)).map((group) => group.gid)
      : [];
  const extra = groups.map((group) => groupId(known, group));
  // With the user's own, a file that shuts that group out shuts this user out too (CVE-2022-36109).
  const supplementary = [...new Set([gid, ...member, ...extra])];
  return {
    uid,
    gid,
    groups: supplementary,
    home: line?.home === undefined || line.home === "" ? "/" : line.home,
  };
}

function splitOnce(user: string): readonly string[] {
  const at = user.indexOf(":");
  return at < 0 ? [user] : [user.slice(0, at), user.slice(at + 1)];
}

function findUser(users: readonly PasswdLine[], user: string): PasswdLine | undefined {
  const byName = users.find((one) => one.name === user);
  if (byName !== undefined) return byName;
  const id = idOf(user);
  return id === undefined ? undefined : users.find((one) => one.uid === id);
}

function groupId(known: readonly GroupLine[], group: string): number {
  const id = known.find((one) => one.name === group)?.gid ?? idOf(group);
  if (id !== undefined) return id;
  throw new DuetError(
    "invalid",
    "GROUP_NOT_FOUND",
    `unable to find group ${group}: no matching entries in group file`,
  );
}

function idOf(text: string): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= largestId ? id : undefined;
}

function passwdLines(text: string): PasswdLine[] {
  const lines: PasswdLine[] = [];
  for (const fields of fieldsOf(text)) {
    const [name, , uid, gid, , home] = fields;
    const user = idOf(uid ?? "");
    const group = idOf(gid ?? "");
    if (name === undefined || user === undefined || group === undefined) continue;
    lines.push({ name, uid: user, gid: group, home: home ?? "" });
  }
  return lines;
}

function groupLines(text: string): GroupLine[] {
  const lines: GroupLine[] = [];
  for (const fields of fieldsOf(text)) {
    const [name, , gid, members] = fields;
    const group = idOf(gid ?? "");
    if (name === undefined || group === undefined) continue;
    lines.push({
      name,
      gid: group,
      members: (members ?? "").split(",").filter((one) => one !== ""),
    });
  }
  return lines;
}

function* fieldsOf(text: string): Generator<readonly string[], void, void> {
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed !== "" && !trimmed.startsWith("#")) yield trimmed.split(":");
  }
}
