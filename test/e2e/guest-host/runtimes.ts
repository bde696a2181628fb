/** The OCI runtimes that are tested in the guest: Debian's packages of this host. */
export const runtimes = [
  { name: "crun", path: "/usr/bin/crun" },
  { name: "runc", path: "/usr/sbin/runc" },
] as const;
