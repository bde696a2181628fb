import { emptyMount, type MountSpec } from "../../../../domain/mount.ts";
import { invalid } from "../../failures.ts";
import { checkTarget, isPropagation } from "./mount-parts.ts";

/** Reads `-v`: `target`, `source:target` or `source:target:options` (volume/mounts/linux_parser.go). */
export function parseBind(text: string, volumeDriver: string): MountSpec {
  const parts = text.split(":");
  const [first = "", second, third] = parts;
  if (parts.length > 3 || first === "" || second === "" || text.length > 8192) throw badBind(text);
  if (second === undefined) return { ...emptyMount, target: checkTarget(first), volumeDriver };
  const isPath = first.startsWith("/");
  if (!isPath && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(first)) {
    throw invalid(
      `${JSON.stringify(first.slice(0, 100))} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  const mount: MountSpec = {
    ...emptyMount,
    kind: isPath ? "bind" : "volume",
    source: first,
    target: checkTarget(second),
    createSource: isPath,
    copyUp: !isPath,
    volumeDriver: isPath ? "" : volumeDriver,
  };
  return (third ?? "")
    .split(",")
    .filter((word) => word !== "")
    .reduce((result, word) => applyOption(result, word, text), mount);
}

function applyOption(mount: MountSpec, word: string, text: string): MountSpec {
  if (word === "ro") return { ...mount, readonly: true };
  if (word === "rw") return { ...mount, readonly: false };
  if (word === "nocopy" && mount.kind === "volume") return { ...mount, copyUp: false };
  if (isPropagation(word) && mount.kind === "bind") return { ...mount, propagation: word };
  // Relabelling without SELinux, and hints for other platforms' caches, change nothing here.
  if (["z", "Z", "consistent", "cached", "delegated"].includes(word)) return mount;
  throw invalid(`invalid mode: ${word.slice(0, 40)} in ${JSON.stringify(text.slice(0, 200))}`);
}

function badBind(text: string): Error {
  return invalid(`invalid volume specification: '${text.slice(0, 200)}'`);
}
