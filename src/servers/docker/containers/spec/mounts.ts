import { posix } from "node:path";
import { emptyMount, type MountSpec } from "../../../../domain/mount.ts";
import type { ContainerConfig, HostConfig, MountBody } from "../../../../spec/docker/container.ts";
import { invalid, unsupported } from "../../failures.ts";
import { parseBind } from "./binds.ts";
import { checkTarget, isPropagation } from "./mount-parts.ts";
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
    const isTarget = !text.includes(":");
    return isTarget
      ? { ...emptyMount, target: checkTarget(text), volumeDriver: driver }
      : parseBind(text, driver);
  });
  return [...mounts, ...plain.filter((mount) => !taken.has(posix.normalize(mount.target)))];
}

function tmpfsOf(target: string, options: string): MountSpec {
  const words = checkTmpfsOptions(options.split(",").filter((word) => word !== ""));
  return {
    ...emptyMount,
    kind: "tmpfs",
    target: checkTarget(target),
    readonly: words.includes("ro"),
    copyUp: false,
    tmpfsOptions: words,
  };
}

function mountOf(body: MountBody): MountSpec {
  const common = {
    ...emptyMount,
    source: body.Source ?? "",
    target: checkTarget(body.Target ?? ""),
    readonly: body.ReadOnly ?? false,
  };
  refuseStrayOptions(body);
  if (body.Type === "bind") return bindOf(body, common);
  if (body.Type === "volume") return volumeOf(body, common);
  if (body.Type === "tmpfs") return tmpfsMountOf(body, common);
  if (["image", "npipe", "cluster"].includes(body.Type ?? "")) {
    throw unsupported(`mounts of type ${body.Type} are not supported`);
  }
  throw invalid(`mount type unknown: ${JSON.stringify((body.Type ?? "").slice(0, 40))}`);
}

function refuseStrayOptions(body: MountBody): void {
  const others = { bind: "BindOptions", volume: "VolumeOptions", tmpfs: "TmpfsOptions" } as const;
  for (const [type, key] of Object.entries(others)) {
    if (type !== body.Type && body[key] !== undefined) {
      throw invalid(
        `invalid mount config for type "${body.Type ?? ""}": field ${key} must not be specified`,
      );
    }
  }
}

function bindOf(body: MountBody, common: MountSpec): MountSpec {
  const options = body.BindOptions ?? {};
  if (common.source === "")
    throw invalid('invalid mount config for type "bind": field Source must not be empty');
  if (!common.source.startsWith("/")) {
    throw invalid(
      `invalid mount config for type "bind": invalid mount path: '${common.source.slice(0, 200)}' mount path must be absolute`,
    );
  }
  if (options.ReadOnlyForceRecursive === true) {
    throw unsupported("read-only mounts that must be recursive are not supported yet");
  }
  const propagation = options.Propagation ?? "";
  if (propagation !== "" && !isPropagation(propagation)) {
    throw invalid(`invalid propagation mode: ${propagation.slice(0, 40)}`);
  }
  return {
    ...common,
    kind: "bind",
    propagation,
    nonRecursive: options.NonRecursive ?? false,
    createSource: options.CreateMountpoint ?? false,
    copyUp: false,
  };
}

function volumeOf(body: MountBody, common: MountSpec): MountSpec {
  const options = body.VolumeOptions ?? {};
  const subpath = options.Subpath ?? "";
  if (subpath !== "" && common.source === "") {
    throw invalid(
      'invalid mount config for type "volume": must not set Subpath when using anonymous volumes',
    );
  }
  const leaves = posix.isAbsolute(subpath) || posix.normalize(subpath).split("/")[0] === "..";
  if (leaves) {
    throw invalid(
      'invalid mount config for type "volume": subpath must be a relative path within the volume',
    );
  }
  return {
    ...common,
    copyUp: !(options.NoCopy ?? false),
    volumeSubpath: subpath,
    volumeDriver: options.DriverConfig?.Name ?? "",
    volumeOptions: options.DriverConfig?.Options ?? {},
    volumeLabels: options.Labels ?? {},
  };
}

function tmpfsMountOf(body: MountBody, common: MountSpec): MountSpec {
  const options = body.TmpfsOptions ?? {};
  if (common.source !== "")
    throw invalid('invalid mount config for type "tmpfs": field Source must not be specified');
  const mode = options.Mode ?? 0;
  if (mode > 0o7777)
    throw invalid(`invalid mount config for type "tmpfs": mode ${mode.toString(8)}`);
  const words = (options.Options ?? []).map((pair) => pair.join("="));
  return {
    ...common,
    kind: "tmpfs",
    copyUp: false,
    tmpfsSize: options.SizeBytes ?? 0,
    tmpfsMode: mode === 0 ? -1 : mode,
    tmpfsOptions: checkTmpfsOptions(words),
  };
}
