/** The types of the bodies that requests bring. */
export const bodies: readonly string[] = [
  "ContainerCreateBody",
  "ContainerConfig",
  "ContainerUpdateBody",
  "ExecCreateBody",
  "ExecStartBody",
  "NetworkCreateBody",
  "NetworkConnectBody",
  "NetworkDisconnectBody",
  "VolumeCreateBody",
  "AuthConfig",
];
