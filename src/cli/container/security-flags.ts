import type { FlagSpec } from "../flags.ts";

/** Files, namespaces and privileges. */
export const securityFlags: readonly FlagSpec[] = [
  {
    name: "volume",
    short: "v",
    kind: "list",
    summary: "Bind mount a volume",
    completes: "folders",
  },
  {
    name: "mount",
    kind: "list",
    value: "mount",
    summary: "Attach a filesystem mount to the container",
  },
  { name: "tmpfs", kind: "list", summary: "Mount a tmpfs directory" },
  {
    name: "volumes-from",
    kind: "list",
    summary: "Mount volumes from the specified container(s)",
    completes: "containers",
  },
  { name: "volume-driver", kind: "string", summary: "Optional volume driver for the container" },
  {
    name: "read-only",
    kind: "boolean",
    summary: "Mount the container's root filesystem as read only",
  },
  { name: "storage-opt", kind: "list", summary: "Storage driver options for the container" },
  { name: "cap-add", kind: "list", summary: "Add Linux capabilities" },
  { name: "cap-drop", kind: "list", summary: "Drop Linux capabilities" },
  { name: "privileged", kind: "boolean", summary: "Give extended privileges to this container" },
  { name: "security-opt", kind: "list", summary: "Security Options" },
  { name: "group-add", kind: "list", summary: "Add additional groups to join" },
  { name: "sysctl", kind: "list", value: "map", summary: "Sysctl options" },
  {
    name: "cgroupns",
    kind: "string",
    summary: "Cgroup namespace to use (host|private)",
    completes: ["host", "private"],
  },
  { name: "ipc", kind: "string", summary: "IPC mode to use" },
  { name: "pid", kind: "string", summary: "PID namespace to use" },
  { name: "uts", kind: "string", summary: "UTS namespace to use" },
  { name: "userns", kind: "string", summary: "User namespace to use" },
];
