import fc from "fast-check";

/** What is done in a container, one shell command each; those that fail change nothing. */
export interface ChangeCase {
  /** Each round is a container of the image that the one before was committed to. */
  readonly rounds: readonly (readonly string[])[];
}

const root = "/w";
const longName = "long".repeat(30);
/** Each a word of a shell, quoted where it is odd. */
const name = fc.oneof(
  { weight: 16, arbitrary: fc.constantFrom("a", "b", "c", "f", "g") },
  { weight: 2, arbitrary: fc.constantFrom("'ü ö'", "'back\\slash'", "-dash", longName, "'\"'") },
  { weight: 1, arbitrary: fc.constantFrom("..a", "$'\\377'", "$'line\\nfeed'") },
);
const pathOf = fc
  .array(name, { minLength: 1, maxLength: 3 })
  .map((names) => [root, ...names].join("/"));
const imagesOwn = ["/etc/shadow", "/tmp/t", "/bin/new", "/new", "/home", "/etc/group", "/bin/ls"];
const ownPathOf = fc.oneof(
  { weight: 12, arbitrary: pathOf },
  { weight: 1, arbitrary: fc.constantFrom(...imagesOwn) },
);

const commandOf = fc
  .record({
    verb: fc.constantFrom(
      ...["folder", "folder", "folder", "write", "write", "append", "remove", "remove", "move"],
      ...["symlink", "hardlink", "hardlink", "mode", "owner", "time", "fifo", "device", "anew"],
      ...["file-for-folder", "sparse", "folder-time", "touch", "swap", "many", "copy", "empty"],
      ...["shorter", "replace", "deep", "emptied", "block", "images-link", "root"],
    ),
    path: ownPathOf,
    other: pathOf,
    mode: fc.constantFrom("0644", "0755", "0700", "4755", "2755", "1777", "0000"),
    owner: fc.constantFrom("0:0", "1000:1000", "65534:7", "3000000:5"),
    time: fc.constantFrom("@1600000000", "@1", "@1500000000", "@9000000000"),
  })
  .map(({ verb, path, other, mode, owner, time }) => {
    const words: Readonly<Record<string, string>> = {
      folder: `mkdir -p ${path}`,
      write: `mkdir -p $(dirname ${path}); [ -p ${path} ] || printf content > ${path}`,
      append: `[ -p ${path} ] || printf more >> ${path}`,
      remove: `rm -rf ${path}`,
      move: `mv -T ${path} ${other}`,
      symlink: `ln -s ${other} ${path}`,
      hardlink: `ln ${path} ${other}`,
      mode: `chmod ${mode} ${path}`,
      owner: `chown -h ${owner} ${path}`,
      time: `touch -h -d ${time} ${path}`,
      fifo: `mkfifo -m ${mode} ${path}`,
      device: `mknod ${path} c 1 3`,
      block: `mknod -m ${mode} ${path} b 7 ${time.length}`,
      anew: `rm -rf ${path}; mkdir ${path}; printf x > ${path}/f`,
      "file-for-folder": `rm -rf ${path}; printf file > ${path}`,
      sparse: `[ -p ${path} ] || dd if=/bin/busybox of=${path} bs=512 count=3 seek=900`,
      "folder-time": `mkdir -p ${path}; touch -d ${time} ${path}`,
      touch: `touch ${path}`,
      swap: `mv ${path} ${root}/swap; mv ${other} ${path}; mv ${root}/swap ${other}`,
      many: `mkdir -p ${path}; for i in 1 2 3; do printf $i > ${path}/$i; done; rm ${path}/2`,
      copy: `cp -a ${path} ${other}`,
      empty: `rm -rf ${path}; mkdir ${path}`,
      emptied: `rm -rf ${path}/*`,
      shorter: `[ -f ${path} ] && truncate -s ${time.length - 1} ${path}`,
      replace: `printf newer > ${root}/.t; mv -fT ${root}/.t ${path}`,
      deep: `mkdir -p ${path}/a/b/c/d; printf deep > ${path}/a/b/c/d/e`,
      "images-link": `ln /etc/shadow ${path}`,
      root: `chmod ${mode === "0000" ? "0711" : mode} / ${root}`,
    };
    return words[verb]!;
  });

export function changeCases(): fc.Arbitrary<ChangeCase> {
  const round = fc.array(commandOf, { minLength: 1, maxLength: 14 });
  return fc.record({ rounds: fc.array(round, { minLength: 1, maxLength: 3, size: "max" }) });
}

export function scriptOf(commands: readonly string[]): string {
  return [`mkdir -p ${root}`, ...commands]
    .map((command) => `{ ${command}; } 2>/dev/null`)
    .join("\n");
}

/** Smaller cases, the simplest first. */
export function* simplerChanges({ rounds }: ChangeCase): Generator<ChangeCase> {
  if (rounds.length > 1)
    for (const index of rounds.keys()) yield { rounds: rounds.toSpliced(index, 1) };
  for (const [index, round] of rounds.entries()) {
    const half = Math.ceil(round.length / 2);
    const parts = round.length > 2 ? [round.slice(half), round.slice(0, half)] : [];
    const others = round.length > 1 ? [...round.keys()].map((at) => round.toSpliced(at, 1)) : [];
    for (const less of [...parts, ...others]) yield { rounds: rounds.with(index, less) };
  }
}
