import { ask } from "./exchange.ts";
import type { Decision } from "./decided.ts";
import type { Engine } from "./play.ts";
import { idleScript } from "./scenario.ts";

/** What a container of Docker's and a virtual machine of Duet's differ in by what they are, besides `decisions`. */
export const machineDecisions: readonly Decision[] = [
  {
    what: "A virtual machine says that it is one, and that its root is a disk.",
    why: "It is what was asked for; `Isolation`, `Runtime` and the names of storage are there to tell.",
    where:
      / · body\.(HostConfig\.(Isolation|Runtime|CgroupnsMode)|Driver|GraphDriver\..*)$|\.HostConfig\.(Isolation|Runtime)$/,
  },
  {
    what: "What would need the host's kernel is refused at create, and so is not there afterwards.",
    why: "A virtual machine has a kernel of its own; the table of options says what that is.",
    where:
      /^(inspect gives back what create was given · 1[01] |mounts of a container · ([2-7]|11|12) |network modes and ports · ([1-9]|16) )/,
  },
  {
    what: "A virtual machine has no swap and no memory reservation.",
    why: "Its memory is that of its machine; the answer to create warns.",
    where: / · body\.(Warnings|HostConfig\.Memory(Swap|Reservation))$/,
  },
  {
    what: "The size of a virtual machine's root is that of the blocks it has written.",
    why: "The file system on its disk writes some blocks of its own before a program does.",
    where: / · body(\[\d\]|\.Containers\[\d\])\.SizeRw$/,
  },
  {
    what: "Statistics of a virtual machine are those of cgroup version 2, whatever the host has.",
    why: "The counters of its disk and memory are the guest's.",
    where: / · body(\[\d\])?\.(blkio_stats\..*_recursive|memory_stats\.max_usage)$/,
  },
  {
    what: "A list of containers of isolation `default` has no virtual machines in it.",
    why: "They have another isolation.",
    where: /filters=%7B%22isolation/,
  },
];

/** Flags of a daemon that makes VMs of what says nothing of isolation. */
export const machineDaemon = {
  flags: ["--vm-pool-size", "0", "--default-isolation", "vm"],
  vmTemplates: true,
} as const;

export function asMachines(engine: Engine): Engine {
  return { ...engine, settle: (request) => whenIdle(engine, request) };
}

const readyMilliseconds = 3_000;
/** Of a shell that is sure to begin one. */
const idleMilliseconds = 120_000;

/**
 * Waits after a start until the shell has begun its first command: an emulated guest takes a while, and a signal
 * before that is lost, as it is in a container. Nothing is told to the events by this question.
 */
async function whenIdle(engine: Engine, request: string): Promise<void> {
  const name = /^POST \/containers\/([^/?]+)\/(?:re)?start/.exec(request)?.[1];
  if (name === undefined || name.startsWith("{{")) return;
  const path = `/containers/${name}/json`;
  const question = { socket: engine.socket, method: "GET", path, headers: {} };
  const { status, body } = await ask(question).answer;
  if (status !== 200) return;
  const end = Date.now() + (isIdle(body) ? idleMilliseconds : readyMilliseconds);
  const head = async (path: string): Promise<number> => {
    return (await ask({ ...question, method: "HEAD", path }).answer).status;
  };
  const inside = `/containers/${name}/archive?path=/proc`;
  while (Date.now() < end && (await head(`${inside}/1/comm`)) === 200) {
    if ((await head(`${inside}/2/comm`)) === 200) return;
  }
}

function isIdle(inspected: Buffer): boolean {
  const { Config } = JSON.parse(inspected.toString()) as {
    readonly Config?: { readonly Cmd: readonly string[] | null };
  };
  return Config?.Cmd?.at(-1) === idleScript;
}
