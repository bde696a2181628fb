// Made from description/ by `npm run fix`: change it there.

/** The first and the last version (1000 × major + minor) that has a field. */
export type FieldVersions = Readonly<
  Record<string, { readonly since?: number; readonly until?: number }>
>;

export const summaryHostConfig: FieldVersions = {
  Annotations: { since: 1046 },
};

export const imageSummary: FieldVersions = {
  VirtualSize: { until: 1043 },
  Manifests: { since: 1047 },
};

export const imageConfig: FieldVersions = {
  Hostname: { until: 1049 },
  Domainname: { until: 1049 },
  AttachStdin: { until: 1049 },
  AttachStdout: { until: 1049 },
  AttachStderr: { until: 1049 },
  Tty: { until: 1049 },
  OpenStdin: { until: 1049 },
  StdinOnce: { until: 1049 },
  Image: { until: 1049 },
};

export const imageInspect: FieldVersions = {
  ContainerConfig: { until: 1044 },
  VirtualSize: { until: 1043 },
  Manifests: { since: 1048 },
};

export const registryService: FieldVersions = {
  AllowNondistributableArtifactsCIDRs: { until: 1046 },
  AllowNondistributableArtifactsHostnames: { until: 1046 },
};

export const runtimeBody: FieldVersions = {
  status: { since: 1044 },
};

export const commit: FieldVersions = {
  Expected: { until: 1048 },
};

export const infoAnswer: FieldVersions = {
  BridgeNfIptables: { until: 1049 },
  BridgeNfIp6tables: { until: 1049 },
  KernelMemory: { until: 1041 },
  FirewallBackend: { since: 1049 },
  DiscoveredDevices: { since: 1050 },
  Containerd: { since: 1046 },
};

export const buildCacheBody: FieldVersions = {
  Parent: { until: 1041 },
  Parents: { since: 1042 },
};
