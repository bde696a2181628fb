import type { Command } from "./command.ts";
import type { FlagSpec } from "./flags.ts";
import { commandTable, groups, wordsOf, type TableEntry } from "./table.ts";

const valueWords: Readonly<Record<FlagSpec["kind"], string>> = {
  boolean: "",
  string: "string",
  integer: "int",
  decimal: "decimal",
  bytes: "bytes",
  duration: "duration",
  list: "list",
};

export const globalFlags: readonly FlagSpec[] = [
  {
    name: "host",
    short: "H",
    kind: "string",
    summary: "Where the daemon is: unix:///run/duet/docker.sock, tcp://name:2376, ssh://user@name",
  },
  {
    name: "data-root",
    kind: "string",
    summary: "Data folder of the daemon to start on demand",
    completes: "folders",
  },
  {
    name: "run-dir",
    kind: "string",
    summary: "Run folder of the daemon; its socket is docker.sock in there",
    completes: "folders",
  },
  {
    name: "config",
    kind: "string",
    summary: "Configuration file (default /etc/duet/config.json)",
    completes: "files",
  },
  {
    name: "tlsverify",
    kind: "boolean",
    summary: "Use TLS and check the daemon (as tcp:// always does)",
    hidden: true,
  },
  { name: "tls", kind: "boolean", summary: "Use TLS (as tcp:// always does)", hidden: true },
  ...(
    [
      ["tlscacert", "Certificate of the authority that the daemon's is compared with", "ca.pem"],
      ["tlscert", "Certificate that tells who the client is", "cert.pem"],
      ["tlskey", "Key of --tlscert", "key.pem"],
    ] as const
  ).map(([name, summary, file]): FlagSpec => ({
    name,
    kind: "string",
    summary: `${summary} (default ${file} in DUET_CERT_PATH)`,
    completes: "files",
  })),
  { name: "debug", short: "D", kind: "boolean", summary: "Show causes and stacks of errors" },
  { name: "version", short: "v", kind: "boolean", summary: "Print the version and quit" },
  { name: "help", kind: "boolean", summary: "Print usage" },
];

/** `duet --help`: every command with its summary. */
export function overview(columns: number): string {
  const lines = [
    "Usage:  duet [OPTIONS] COMMAND",
    "",
    "Runs any OCI image as a container or as a virtual machine.",
  ];
  for (const group of groups) {
    const entries = commandTable.filter((entry) => entry.group === group);
    if (entries.length === 0) continue;
    lines.push("", `${group}:`);
    const width = Math.max(...entries.map((entry) => entry.names[0].length)) + 2;
    for (const entry of entries) lines.push(`  ${entry.names[0].padEnd(width)}${entry.summary}`);
  }
  lines.push("", "Global Options:", ...flagLines(globalFlags, columns), "");
  lines.push("Run 'duet COMMAND --help' for more on a command, 'duet doctor' to check this host.");
  return lines.join("\n");
}

/** `duet container --help`: the commands below a word. */
export function groupHelp(word: string): string {
  const names = commandTable.flatMap((entry) => {
    const name = entry.names.find((candidate) => candidate.startsWith(`${word} `));
    return name === undefined ? [] : [[name.slice(word.length + 1), entry.summary] as const];
  });
  const width = Math.max(...names.map(([name]) => name.length)) + 2;
  const rows = names.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return [
    `Usage:  duet ${word} COMMAND`,
    "",
    "Commands:",
    ...rows.map(([name, summary]) => `  ${name.padEnd(width)}${summary}`),
    "",
    `Run 'duet ${word} COMMAND --help' for more on a command.`,
  ].join("\n");
}

/** `duet run --help`. */
export function commandHelp(entry: TableEntry, command: Command, columns: number): string {
  const lines = [`Usage:  duet ${entry.names[0]} ${command.usage}`, "", entry.summary];
  if (command.description !== undefined) lines.push("", ...wrap(command.description, columns));
  if (entry.names.length > 1) {
    lines.push("", "Aliases:", `  ${entry.names.map((name) => `duet ${name}`).join(", ")}`);
  }
  const flags = command.flags.filter((flag) => flag.hidden !== true);
  if (flags.length > 0) lines.push("", "Options:", ...flagLines(flags, columns));
  if (command.examples.length > 0) {
    lines.push("", "Examples:");
    for (const { what, line } of command.examples) lines.push(`  # ${what}`, `  ${line}`, "");
    lines.pop();
  }
  return lines.join("\n");
}

/** Word for a flag's value, empty for a switch. */
export function valueWord(flag: FlagSpec): string {
  return flag.value ?? valueWords[flag.kind];
}

function flagLines(flags: readonly FlagSpec[], columns: number): string[] {
  const heads = flags.map((flag) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    return `  ${short}--${flag.name} ${valueWord(flag)}`.trimEnd();
  });
  const width = Math.min(36, Math.max(...heads.map((head) => head.length))) + 3;
  return flags.flatMap((flag, index) => {
    const standard = flag.default === undefined ? "" : ` (default ${quoteDefault(flag)})`;
    const [first = "", ...rest] = wrap(flag.summary + standard, Math.max(24, columns - width));
    return [heads[index]!.padEnd(width) + first, ...rest.map((line) => " ".repeat(width) + line)];
  });
}

function quoteDefault(flag: FlagSpec): string {
  return flag.kind === "string" ? `"${flag.default}"` : String(flag.default);
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The entry a command line means, and how many words name it. */
export function findEntry(
  words: readonly string[],
): { readonly entry: TableEntry; readonly used: number } | undefined {
  for (const used of [2, 1]) {
    const name = words.slice(0, used).join(" ");
    const entry =
      words.length >= used ? commandTable.find((one) => one.names.includes(name)) : undefined;
    if (entry !== undefined) return { entry, used };
  }
  return undefined;
}

/** The first words of two-word commands: container, image, … */
export function groupWords(): string[] {
  const words = commandTable.flatMap(wordsOf).filter((name) => name.includes(" "));
  return [...new Set(words.map((name) => name.split(" ")[0]!))];
}
