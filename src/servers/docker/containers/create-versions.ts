import type { ContainerCreateBody, HostConfig, MountBody } from "../../../spec/docker/container.ts";
import { invalid } from "../failures.ts";

/**
 * A create request as its API version means it (moby, api/server/router/container). Throws `invalid`
 * for what the version does not have and must not be dropped silently. What may be dropped the
 * description of the API says by itself.
 */
export function createForVersion(
  body: ContainerCreateBody,
  apiVersion: number,
): ContainerCreateBody {
  if (apiVersion < 1044) refuseSecondEndpoint(body);
  else checkMac(body);
  const host = body.HostConfig ?? {};
  const mounts = host.Mounts?.map((mount) => mountForVersion(mount, apiVersion));
  const older: HostConfig = {
    ...host,
    ...(mounts === undefined ? {} : { Mounts: mounts }),
    ...(apiVersion < 1040 && !host.IpcMode ? { IpcMode: "shareable" } : {}),
    ...(apiVersion < 1041 && !host.CgroupnsMode ? { CgroupnsMode: "host" } : {}),
  };
  return { ...endpointsForVersion(body, apiVersion), HostConfig: older };
}

/** What older versions do not know of an endpoint is as if absent here, and only here: a connect takes it. */
function endpointsForVersion(body: ContainerCreateBody, apiVersion: number): ContainerCreateBody {
  const endpoints = body.NetworkingConfig?.EndpointsConfig;
  if (endpoints === undefined || apiVersion >= 1048) return body;
  const unknown = { ...(apiVersion < 1044 ? { MacAddress: "" } : {}), GwPriority: 0 };
  const EndpointsConfig = Object.fromEntries(
    Object.entries(endpoints).map(([name, settings]) => [name, { ...settings, ...unknown }]),
  );
  return { ...body, NetworkingConfig: { ...body.NetworkingConfig, EndpointsConfig } };
}

/** What a version is told besides. */
export function createWarnings(body: ContainerCreateBody, apiVersion: number): readonly string[] {
  const mounts = body.HostConfig?.Mounts ?? [];
  return [
    ...(apiVersion >= 1044 && body.MacAddress
      ? [
          "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.",
        ]
      : []),
    ...(mounts.some(({ Type }) => Type === "image")
      ? ["Image mount is an experimental feature"]
      : []),
  ];
}

function refuseSecondEndpoint(body: ContainerCreateBody): void {
  const names = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {});
  if (names.length < 2) return;
  const shown = names.toSorted().join(", ").slice(0, 200);
  throw invalid(`Container cannot be created with multiple network endpoints: ${shown}`);
}

function checkMac(body: ContainerCreateBody): void {
  const mode = body.HostConfig?.NetworkMode || "default";
  const endpoints = body.NetworkingConfig?.EndpointsConfig ?? {};
  const main = endpoints[mode] ?? (mode === "default" ? endpoints["bridge"] : endpoints["default"]);
  const own = main?.MacAddress ?? "";
  if (!body.MacAddress || own === "" || own === body.MacAddress) return;
  throw invalid(
    "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty",
  );
}

function mountForVersion(mount: MountBody, apiVersion: number): MountBody {
  if (apiVersion < 1048 && mount.Type === "image") {
    throw invalid('Mount type "Image" needs API v1.48 or newer');
  }
  if (apiVersion < 1045 && mount.VolumeOptions?.Subpath) {
    throw invalid("VolumeOptions.Subpath needs API v1.45 or newer");
  }
  if (apiVersion >= 1044 || mount.Type !== "bind" || mount.ReadOnly !== true) return mount;
  return { ...mount, BindOptions: { ...mount.BindOptions, ReadOnlyNonRecursive: true } };
}
