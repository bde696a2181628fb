import { invalid } from "../../failures.ts";

const flags = new Set(
  [
    "defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync atime noatime diratime",
    "nodiratime relatime norelatime strictatime nostrictatime mand nomand",
    "private rprivate shared rshared slave rslave",
  ].flatMap((line) => line.split(" ")),
);
const values: Readonly<Record<string, RegExp>> = {
  size: /^\d{1,15}[kmgtKMGT]?%?$/,
  mode: /^[0-7]{1,5}$/,
  uid: /^\d{1,10}$/,
  gid: /^\d{1,10}$/,
  nr_inodes: /^\d{1,15}[kmgKMG]?$/,
  nr_blocks: /^\d{1,15}[kmgKMG]?$/,
  mpol: /^[a-z0-9=:,.-]{1,80}$/,
};

/** Lets pass what tmpfs(5) knows, so that no other option can reach mount(2). */
export function checkTmpfsOptions(words: readonly string[]): string[] {
  return words.map((word) => {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const isKnown =
      equals < 0
        ? flags.has(name)
        : Object.hasOwn(values, name) && values[name]!.test(word.slice(equals + 1));
    if (isKnown) return word;
    throw invalid(`Invalid tmpfs option ${JSON.stringify(word.slice(0, 80))}`);
  });
}
