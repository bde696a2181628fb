import { posix } from "node:path";
import { emptyMount, type MountSpec } from "../../../../domain/mount.ts";
import type { ContainerConfig, HostConfig, MountBody } from "../../../../spec/docker/container.ts";
import { invalid } from "../../failures.ts";
import { parseBind } from "./binds.ts";
import { badMount, checkTarget, isPropagation } from "./mount-parts.ts";
import { checkTmpfsOptions } from "./tmpfs-options.ts";

/** All four ways in which a client asks for mounts; a plain volume gives way to the others. */
export function mountsOf(config: ContainerConfig, host: HostConfig): MountSpec[] {
  const driver = host.VolumeDriver ?? "";
  const mounts = [
    ...(host.Binds ?? []).map((text) => parseBind(text, driver)),
    ...(host.Mounts ?? []).map(mountOf),
    ...Object.entries(host.Tmpfs ?? {}).map(([target, options]) => tmpfsOf(target, options)),
  ];
  const taken = new Set(mounts.map((mount) => posix.normalize(mount.target)));
  const plain = Object.keys(config.Volumes ?? {}).map((text): MountSpec => {
    const target = checkTarget(text, (fault) => badMount("volume", fault));
    return { ...emptyMount, target, volumeDriver: driver };
  });
  return [...mounts, ...plain.filter((mount) => !taken.has(posix.normalize(mount.target)))];
}

function tmpfsOf(target: string, options: string): MountSpec {
  const words = checkTmpfsOptions(options.split(",").filter((word) => word !== ""));
  return {
    ...emptyMount,
    kind: "tmpfs",
    target: checkTarget(target, invalid),
    readonly: words.includes("ro"),
    copyUp: false,
    tmpfsOptions: words,
  };
}

function mountOf(body: MountBody): MountSpec {
  const type = body.Type ?? "";
  if (type !== "bind" && type !== "volume" && type !== "tmpfs" && type !== "image")
    throw badMount(type, "mount type unknown");
  refuseStrayOptions(body);
  const common = {
    ...emptyMount,
    source: body.Source ?? "",
    target: checkTarget(body.Target ?? "", (fault) => badMount(type, fault)),
    readonly: body.ReadOnly ?? false,
  };
  if (type === "bind") return bindOf(body, common);
  if (type === "image") return imageOf(body, common);
  return type === "volume" ? volumeOf(body, common) : tmpfsMountOf(body, common);
}

function refuseStrayOptions(body: MountBody): void {
  const others = {
    bind: "BindOptions",
    volume: "VolumeOptions",
    image: "ImageOptions",
    tmpfs: "TmpfsOptions",
  } as const;
  for (const [type, key] of Object.entries(others)) {
    if (type === body.Type || body[key] === undefined) continue;
    if (key === "ImageOptions") {
      throw badMount(body.Type ?? "", "field ImageOptions must not be specified");
    } else {
      throw invalid(`${key} must not be specified on mount type "${body.Type ?? ""}"`);
    }
  }
}

function bindOf(body: MountBody, common: MountSpec): MountSpec {
  const options = body.BindOptions ?? {};
  if (common.source === "") throw badMount("bind", "field Source must not be empty");
  if (!common.source.startsWith("/")) {
    const path = common.source.slice(0, 200);
    throw badMount("bind", `invalid mount path: '${path}' mount path must be absolute`);
  }
  const propagation = options.Propagation ?? "";
  if (propagation !== "" && !isPropagation(propagation)) {
    throw badMount("bind", `invalid propagation mode: ${propagation.slice(0, 40)}`);
  }
  checkReadonly(body);
  return {
    ...common,
    kind: "bind",
    propagation,
    nonRecursive: options.NonRecursive ?? false,
    readonlyDepth:
      options.ReadOnlyNonRecursive === true
        ? "top"
        : options.ReadOnlyForceRecursive === true
          ? "all"
          : "usual",
    createSource: options.CreateMountpoint ?? false,
    copyUp: false,
  };
}

/** What Docker says at start (moby, daemon/oci_linux.go). */
function checkReadonly({ ReadOnly = false, BindOptions = {} }: MountBody): void {
  const { ReadOnlyForceRecursive: all = false, ReadOnlyNonRecursive: top = false } = BindOptions;
  const conflict = (what: string): Error => invalid(`mount options conflict: ${what}`);
  if (!ReadOnly && top) throw conflict("!ReadOnly && BindOptions.ReadOnlyNonRecursive");
  if (!ReadOnly && all) throw conflict("!ReadOnly && BindOptions.ReadOnlyForceRecursive");
  if (top && all) {
    throw conflict("ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive");
  }
}

function volumeOf(body: MountBody, common: MountSpec): MountSpec {
  const options = body.VolumeOptions ?? {};
  const subpath = options.Subpath ?? "";
  if (subpath !== "" && common.source === "") {
    throw badMount("volume", "must not set Subpath when using anonymous volumes");
  }
  checkSubpath("volume", subpath);
  return {
    ...common,
    mode: "z",
    copyUp: !(options.NoCopy ?? false),
    volumeSubpath: subpath,
    volumeDriver: options.DriverConfig?.Name ?? "",
    volumeOptions: options.DriverConfig?.Options ?? {},
    volumeLabels: options.Labels ?? {},
  };
}

function checkSubpath(type: string, subpath: string): void {
  if (!posix.isAbsolute(subpath) && posix.normalize(subpath).split("/")[0] !== "..") return;
  throw badMount(type, "subpath must be a relative path within the volume");
}

/** Always read-only, as in Docker. */
function imageOf(body: MountBody, common: MountSpec): MountSpec {
  const subpath = body.ImageOptions?.Subpath ?? "";
  if (common.source === "") throw badMount("image", "field Source must not be empty");
  checkSubpath("image", subpath);
  return { ...common, kind: "image", readonly: true, copyUp: false, volumeSubpath: subpath };
}

function tmpfsMountOf(body: MountBody, common: MountSpec): MountSpec {
  const options = body.TmpfsOptions ?? {};
  if (common.source !== "") throw badMount("tmpfs", "field Source must not be specified");
  const mode = options.Mode ?? 0;
  const size = options.SizeBytes ?? 0;
  if (mode > 0o7777) throw badMount("tmpfs", `mode ${mode.toString(8)}`);
  if (size < 0) throw badMount("tmpfs", `size ${size}`);
  return {
    ...common,
    kind: "tmpfs",
    copyUp: false,
    tmpfsSize: size,
    tmpfsMode: mode === 0 ? -1 : mode,
    tmpfsOptions: (options.Options ?? []).map(tmpfsWord),
  };
}

/** The two that Docker takes here (api/types/mount). */
function tmpfsWord(pair: readonly string[]): string {
  const [word = "", ...rest] = pair;
  if (rest.length === 0 && (word === "exec" || word === "noexec")) return word;
  throw badMount("tmpfs", `invalid option: ${word.slice(0, 40)}`);
}
