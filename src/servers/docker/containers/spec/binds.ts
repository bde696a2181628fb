import { emptyMount, type MountSpec } from "../../../../domain/mount.ts";
import { badSpecification, isPropagation, targetFault } from "./mount-parts.ts";

/** Reads `-v`: `target`, `source:target` or `source:target:options` (volume/mounts/linux_parser.go). */
export function parseBind(text: string, volumeDriver: string): MountSpec {
  const parts = text.split(":");
  const [first = "", second, third] = parts;
  const bad = (fault = ""): Error =>
    badSpecification(
      `invalid volume specification: '${text.slice(0, 200)}'${fault === "" ? "" : `: ${fault}`}`,
    );
  if (parts.length > 3 || first === "" || second === "" || text.length > 8192) throw bad();
  // `target:mode` is no form of it: Docker takes a mode there for a relative target.
  if (second === undefined) return { ...anonymous(first, bad), volumeDriver };
  const isPath = first.startsWith("/");
  const type = isPath ? "bind" : "volume";
  const fault = targetFault(second);
  if (fault !== "") throw bad(`invalid mount config for type "${type}": ${fault}`);
  const words = modeWords(third ?? "");
  const mount: MountSpec = {
    ...emptyMount,
    kind: type,
    source: first,
    target: second,
    mode: third ?? (isPath ? "" : "z"),
    createSource: isPath,
    copyUp: !isPath,
    volumeDriver: isPath ? "" : volumeDriver,
  };
  return words.reduce((result, word) => applyOption(result, word, bad), mount);
}

function anonymous(target: string, bad: (fault: string) => Error): MountSpec {
  const fault = targetFault(target);
  if (fault !== "") throw bad(`invalid mount config for type "volume": ${fault}`);
  return { ...emptyMount, target, mode: "z" };
}

/** Of each kind at most one; relabelling without SELinux, and other platforms' caches, change nothing here. */
const kinds: readonly ((word: string) => boolean)[] = [
  (word) => word === "ro" || word === "rw",
  (word) => word === "z" || word === "Z",
  (word) => word === "nocopy",
  (word) => word === "consistent" || word === "cached" || word === "delegated",
  isPropagation,
];

function modeWords(mode: string): readonly string[] {
  if (mode === "") return [];
  const words = mode.split(",");
  const isValid =
    words.every((word) => kinds.some((isKind) => isKind(word))) &&
    kinds.every((isKind) => words.filter(isKind).length <= 1);
  if (isValid) return words;
  throw badSpecification(`invalid mode: ${mode.slice(0, 80)}`);
}

function applyOption(mount: MountSpec, word: string, bad: (fault: string) => Error): MountSpec {
  if (word === "ro") return { ...mount, readonly: true };
  if (word === "nocopy") {
    if (mount.kind === "volume") return { ...mount, copyUp: false };
    throw bad('invalid mount config for type "bind": field VolumeOptions must not be specified');
  }
  if (isPropagation(word)) {
    if (mount.kind === "bind") return { ...mount, propagation: word };
    throw bad('invalid mount config for type "volume": field BindOptions must not be specified');
  }
  return mount;
}
