import type { ProcessList } from "../../domain/runtime.ts";
import type { AnswerFields } from "../../domain/shim.ts";
import { DuetError } from "../../kit/errors.ts";
import { fieldTag } from "../../spec/workload.ts";

interface GuestProcess {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly name: string;
  readonly command: string;
  readonly seconds: number;
  readonly startedAt: number;
  readonly terminal: string;
}

type Column = readonly [title: string, value: (process: GuestProcess) => string];

const user: Column = ["UID", ({ uid }) => (uid === 0 ? "root" : `${uid}`)];
const pid: Column = ["PID", (process) => `${process.pid}`];
const parent: Column = ["PPID", (process) => `${process.parent}`];
const started: Column = [
  "STIME",
  ({ startedAt }) => new Date((startedAt % 86_400) * 1000).toISOString().slice(11, 16),
];
const terminal: Column = ["TTY", (process) => process.terminal];
const time: Column = ["TIME", ({ seconds }) => clock(seconds)];
const command: Column = ["CMD", (process) => process.command];

const full: readonly Column[] = [
  user,
  pid,
  parent,
  ["C", () => "0"],
  started,
  terminal,
  time,
  command,
];

const named: Readonly<Record<string, Column>> = {
  pid,
  ppid: parent,
  uid: ["UID", ({ uid }) => `${uid}`],
  user: ["USER", user[1]],
  comm: ["COMMAND", ({ name }) => name],
  args: ["COMMAND", command[1]],
  cmd: command,
  command: ["COMMAND", command[1]],
  time,
  tty: ["TT", terminal[1]],
  tt: ["TT", terminal[1]],
  stime: started,
};

function clock(seconds: number): string {
  const parts = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    Math.floor(seconds) % 60,
  ];
  return parts.map((part) => `${part}`.padStart(2, "0")).join(":");
}

/** The guest's processes in `ps` form; the arguments are those of `ps -ef`, `ps aux` or `ps -o NAMES`. */
export function processList(answer: AnswerFields, psArguments: readonly string[]): ProcessList {
  const columns = columnsFor(psArguments);
  const processes = answer.groups(fieldTag.process).map(readProcess);
  processes.sort((left, right) => left.pid - right.pid);
  return {
    titles: columns.map(([title]) => title),
    rows: processes.map((process) => columns.map(([, value]) => value(process))),
  };
}

function columnsFor(psArguments: readonly string[]): readonly Column[] {
  const words = psArguments.join(" ").trim();
  const chosen = /(?:^|\s)-?[a-z]*o[ =]?([a-z,]+)$/.exec(words)?.[1];
  if (chosen === undefined) return full;
  return chosen.split(",").map((name) => {
    const column = Object.hasOwn(named, name) ? named[name] : undefined;
    if (column !== undefined) return column;
    throw new DuetError("invalid", "PS_ARGUMENTS", `a VM's processes have no column ${name}`, {
      hint: `columns: ${Object.keys(named).join(", ")}`,
    });
  });
}

function readProcess(fields: AnswerFields): GuestProcess {
  return {
    pid: fields.number(fieldTag.pid),
    parent: fields.number(fieldTag.parent, 0),
    uid: fields.number(fieldTag.uid, 0),
    name: fields.text(fieldTag.name, ""),
    command: Buffer.from(fields.bytes(fieldTag.command) ?? []).toString("utf8"),
    seconds: fields.number(fieldTag.ticks, 0) / 100,
    startedAt: fields.number(fieldTag.startedAt, 0),
    terminal: fields.text(fieldTag.terminalName, "?"),
  };
}
