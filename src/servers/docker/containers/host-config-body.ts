import type {
  HostConfig,
  MountBody,
  PortMap,
  Resources,
  RestartPolicy,
} from "../../../spec/docker/container.ts";
import { compact, Fields } from "../fields.ts";

export function readHostConfig(fields: Fields): HostConfig {
  return {
    ...readResources(fields),
    ...readStorageAndNetwork(fields),
    ...readSecurity(fields),
    ...compact<HostConfig>({
      ContainerIDFile: fields.text("ContainerIDFile"),
      LogConfig: fields.object("LogConfig", (log) =>
        compact({ Type: log.text("Type"), Config: log.textMap("Config") }),
      ),
      RestartPolicy: fields.object("RestartPolicy", readRestartPolicy),
      AutoRemove: fields.flag("AutoRemove"),
      ConsoleSize: fields.integers("ConsoleSize"),
      Annotations: fields.textMap("Annotations"),
      Runtime: fields.text("Runtime"),
      Isolation: fields.text("Isolation"),
      Init: fields.flag("Init"),
    }),
  };
}

export function readRestartPolicy(fields: Fields): RestartPolicy {
  return compact<RestartPolicy>({
    Name: fields.text("Name"),
    MaximumRetryCount: fields.integer("MaximumRetryCount"),
  });
}

function readStorageAndNetwork(fields: Fields): HostConfig {
  return compact<HostConfig>({
    Binds: fields.texts("Binds"),
    VolumeDriver: fields.text("VolumeDriver"),
    VolumesFrom: fields.texts("VolumesFrom"),
    Mounts: fields.objects("Mounts", readMount),
    Tmpfs: fields.textMap("Tmpfs"),
    StorageOpt: fields.textMap("StorageOpt"),
    ReadonlyRootfs: fields.flag("ReadonlyRootfs"),
    ShmSize: fields.integer("ShmSize"),
    NetworkMode: fields.text("NetworkMode"),
    PortBindings: readPortMap(fields),
    PublishAllPorts: fields.flag("PublishAllPorts"),
    Dns: fields.texts("Dns"),
    DnsOptions: fields.texts("DnsOptions"),
    DnsSearch: fields.texts("DnsSearch"),
    ExtraHosts: fields.texts("ExtraHosts"),
    Links: fields.texts("Links"),
  });
}

function readPortMap(fields: Fields): PortMap | undefined {
  return fields.map("PortBindings", (value, path) => {
    const bindings = Fields.of({ value }, path).objects("value", (binding) =>
      compact({ HostIp: binding.text("HostIp"), HostPort: binding.text("HostPort") }),
    );
    return bindings ?? [];
  });
}

function readSecurity(fields: Fields): HostConfig {
  return compact<HostConfig>({
    CapAdd: fields.words("CapAdd"),
    CapDrop: fields.words("CapDrop"),
    CgroupnsMode: fields.text("CgroupnsMode"),
    Cgroup: fields.text("Cgroup"),
    GroupAdd: fields.texts("GroupAdd"),
    IpcMode: fields.text("IpcMode"),
    OomScoreAdj: fields.integer("OomScoreAdj"),
    PidMode: fields.text("PidMode"),
    Privileged: fields.flag("Privileged"),
    SecurityOpt: fields.texts("SecurityOpt"),
    UTSMode: fields.text("UTSMode"),
    UsernsMode: fields.text("UsernsMode"),
    Sysctls: fields.textMap("Sysctls"),
    MaskedPaths: fields.texts("MaskedPaths"),
    ReadonlyPaths: fields.texts("ReadonlyPaths"),
  });
}

/** The limits that create and update share. */
export function readResources(fields: Fields): Resources {
  const rates = (key: string) =>
    fields.objects(key, (rate) =>
      compact({ Path: rate.text("Path"), Rate: rate.integer("Rate", 0) }),
    );
  return compact<Resources>({
    CpuShares: fields.integer("CpuShares"),
    Memory: fields.integer("Memory"),
    NanoCpus: fields.integer("NanoCpus"),
    CgroupParent: fields.text("CgroupParent"),
    BlkioWeight: fields.integer("BlkioWeight", 0),
    BlkioWeightDevice: fields.objects("BlkioWeightDevice", (weight) =>
      compact({ Path: weight.text("Path"), Weight: weight.integer("Weight", 0) }),
    ),
    BlkioDeviceReadBps: rates("BlkioDeviceReadBps"),
    BlkioDeviceWriteBps: rates("BlkioDeviceWriteBps"),
    BlkioDeviceReadIOps: rates("BlkioDeviceReadIOps"),
    BlkioDeviceWriteIOps: rates("BlkioDeviceWriteIOps"),
    CpuPeriod: fields.integer("CpuPeriod"),
    CpuQuota: fields.integer("CpuQuota"),
    CpuRealtimePeriod: fields.integer("CpuRealtimePeriod"),
    CpuRealtimeRuntime: fields.integer("CpuRealtimeRuntime"),
    CpusetCpus: fields.text("CpusetCpus"),
    CpusetMems: fields.text("CpusetMems"),
    ...readDevices(fields),
    KernelMemory: fields.integer("KernelMemory"),
    KernelMemoryTCP: fields.integer("KernelMemoryTCP"),
    MemoryReservation: fields.integer("MemoryReservation"),
    MemorySwap: fields.integer("MemorySwap"),
    MemorySwappiness: fields.integer("MemorySwappiness"),
    OomKillDisable: fields.flag("OomKillDisable"),
    PidsLimit: fields.integer("PidsLimit"),
    Ulimits: fields.objects("Ulimits", (limit) =>
      compact({
        Name: limit.text("Name"),
        Soft: limit.integer("Soft"),
        Hard: limit.integer("Hard"),
      }),
    ),
  });
}

function readDevices(
  fields: Fields,
): Pick<Resources, "Devices" | "DeviceCgroupRules" | "DeviceRequests"> {
  return compact<Resources>({
    Devices: fields.objects("Devices", (device) =>
      compact({
        PathOnHost: device.text("PathOnHost"),
        PathInContainer: device.text("PathInContainer"),
        CgroupPermissions: device.text("CgroupPermissions"),
      }),
    ),
    DeviceCgroupRules: fields.texts("DeviceCgroupRules"),
    DeviceRequests: fields.objects("DeviceRequests", (request) =>
      compact({
        Driver: request.text("Driver"),
        Count: request.integer("Count"),
        DeviceIDs: request.texts("DeviceIDs"),
        Capabilities: request.list(
          "Capabilities",
          (value, path) => Fields.of({ value }, path).texts("value") ?? [],
        ),
        Options: request.textMap("Options"),
      }),
    ),
  });
}

function readMount(fields: Fields): MountBody {
  return compact<MountBody>({
    Type: fields.text("Type"),
    Source: fields.text("Source"),
    Target: fields.text("Target"),
    ReadOnly: fields.flag("ReadOnly"),
    Consistency: fields.text("Consistency"),
    BindOptions: fields.object("BindOptions", (options) =>
      compact({
        Propagation: options.text("Propagation"),
        NonRecursive: options.flag("NonRecursive"),
        CreateMountpoint: options.flag("CreateMountpoint"),
        ReadOnlyNonRecursive: options.flag("ReadOnlyNonRecursive"),
        ReadOnlyForceRecursive: options.flag("ReadOnlyForceRecursive"),
      }),
    ),
    VolumeOptions: fields.object("VolumeOptions", (options) =>
      compact({
        NoCopy: options.flag("NoCopy"),
        Labels: options.textMap("Labels"),
        Subpath: options.text("Subpath"),
        DriverConfig: options.object("DriverConfig", (driver) =>
          compact({ Name: driver.text("Name"), Options: driver.textMap("Options") }),
        ),
      }),
    ),
    TmpfsOptions: fields.object("TmpfsOptions", (options) =>
      compact({
        SizeBytes: options.integer("SizeBytes", 0),
        Mode: options.integer("Mode", 0),
        Options: options.list(
          "Options",
          (value, path) => Fields.of({ value }, path).texts("value") ?? [],
        ),
      }),
    ),
  });
}
