/** Who needs it: everyone who runs Duet, who builds it, or who tests it. */
export type Purpose = "run" | "build" | "test";

/** A thing of the host that Duet uses. */
export interface Need {
  readonly what: string;
  readonly why: string;
  readonly purpose: Purpose;
  /** It is there when one of these exists: a program's name, or an absolute path. */
  readonly evidence: readonly string[];
  readonly packages: readonly string[];
  /** Unpacked into the cache and linked, so that no service of the package starts on this host. */
  readonly beside?: string;
}

const emulator = process.arch === "arm64" ? "aarch64" : "x86_64";
const emulatorPackage = process.arch === "arm64" ? "qemu-system-arm" : "qemu-system-x86";

export const needs: readonly Need[] = [
  {
    what: "an OCI runtime",
    why: "runs containers",
    purpose: "run",
    evidence: ["runc", "crun"],
    packages: ["runc"],
  },
  {
    what: "QEMU",
    why: "runs virtual machines",
    purpose: "run",
    evidence: [`qemu-system-${emulator}`],
    packages: [emulatorPackage],
  },
  {
    what: "qemu-img",
    why: "makes disks of virtual machines",
    purpose: "run",
    evidence: ["qemu-img"],
    packages: ["qemu-utils"],
  },
  {
    what: "nftables",
    why: "publishes ports and keeps networks apart",
    purpose: "run",
    evidence: ["nft"],
    packages: ["nftables"],
  },
  {
    what: "iproute2",
    why: "makes bridges and links",
    purpose: "run",
    evidence: ["ip"],
    packages: ["iproute2"],
  },
  {
    what: "kmod",
    why: "knows which modules a guest's kernel needs",
    purpose: "run",
    evidence: ["depmod"],
    packages: ["kmod"],
  },
  {
    what: "ext4 tools",
    why: "make the disks of virtual machines",
    purpose: "run",
    evidence: ["mke2fs"],
    packages: ["e2fsprogs"],
  },
  {
    what: "xz",
    why: "unpacks layers and modules packed with it",
    purpose: "run",
    evidence: ["xz"],
    packages: ["xz-utils"],
  },
  {
    what: "bzip2",
    why: "unpacks archives packed with it",
    purpose: "run",
    evidence: ["bzip2"],
    packages: ["bzip2"],
  },
  {
    what: "ps",
    why: "lists processes of containers",
    purpose: "run",
    evidence: ["ps"],
    packages: ["procps"],
  },
  {
    what: "busybox",
    why: "is the smallest image that ships with Duet",
    purpose: "run",
    evidence: ["/bin/busybox"],
    packages: ["busybox-static"],
  },
  {
    what: "a C compiler",
    why: "compiles shim, agent and rootfs helper",
    purpose: "build",
    evidence: ["gcc"],
    packages: ["gcc"],
  },
  {
    what: "make",
    why: "compiles shim, agent and rootfs helper",
    purpose: "build",
    evidence: ["make"],
    packages: ["make"],
  },
  {
    what: "musl",
    why: "makes those small and static",
    purpose: "build",
    evidence: ["musl-gcc"],
    packages: ["musl-tools"],
  },
  {
    what: "headers of the kernel and of the C library",
    why: "describe system calls",
    purpose: "build",
    evidence: ["/usr/include/linux/openat2.h"],
    packages: ["libc6-dev", "linux-libc-dev"],
  },
  {
    what: "runc",
    why: "is one OCI runtime",
    purpose: "test",
    evidence: ["runc"],
    packages: ["runc"],
  },
  {
    what: "crun",
    why: "is the other OCI runtime",
    purpose: "test",
    evidence: ["crun"],
    packages: ["crun"],
  },
  {
    what: "the program that loads AppArmor's profiles",
    why: "confines containers in a guest",
    purpose: "test",
    evidence: ["apparmor_parser"],
    packages: ["apparmor"],
  },
  {
    what: "a Docker client",
    why: "drives the engine unmodified",
    purpose: "test",
    evidence: ["docker"],
    packages: ["docker.io"],
    beside: "usr/bin/docker",
  },
  {
    what: "a registry",
    why: "is pulled from",
    purpose: "test",
    evidence: ["docker-registry"],
    packages: ["docker-registry"],
    beside: "usr/bin/docker-registry",
  },
  {
    what: "skopeo",
    why: "copies images to the registry",
    purpose: "test",
    evidence: ["skopeo"],
    packages: ["skopeo"],
  },
  {
    what: "Docker's Python SDK",
    why: "is another client",
    purpose: "test",
    evidence: ["/usr/lib/python3/dist-packages/docker"],
    packages: ["python3-docker"],
  },
  {
    what: "git",
    why: "serves repositories that builds begin with",
    purpose: "test",
    evidence: ["git"],
    packages: ["git"],
  },
  {
    what: "OpenSSL",
    why: "makes certificates that tests compare with",
    purpose: "test",
    evidence: ["openssl"],
    packages: ["openssl"],
  },
  {
    what: "UEFI firmware",
    why: "boots disks in tests",
    purpose: "test",
    evidence: ["/usr/share/OVMF/OVMF_CODE_4M.fd"],
    packages: ["ovmf"],
  },
  {
    what: "tools for xfs",
    why: "make disks that tests take in",
    purpose: "test",
    evidence: ["mkfs.xfs"],
    packages: ["xfsprogs"],
  },
  {
    what: "tools for btrfs",
    why: "make disks that tests take in",
    purpose: "test",
    evidence: ["mkfs.btrfs"],
    packages: ["btrfs-progs"],
  },
  ...[
    ["curl", "curl"],
    ["tar", "tar"],
    ["zstd", "zstd"],
    ["setfattr", "attr"],
    ["setcap", "libcap2-bin"],
  ].map(([program = "", packageName = ""]): Need => ({
    what: program,
    why: "is what tests compare with",
    purpose: "test",
    evidence: [program],
    packages: [packageName],
  })),
];

const purposesOf: Readonly<Record<Purpose, readonly Purpose[]>> = {
  run: ["run"],
  build: ["run", "build"],
  test: ["run", "build", "test"],
};

/** What `purpose` needs and this host lacks; `exists` answers for a program's name or a path. */
export function missingNeeds(purpose: Purpose, exists: (evidence: string) => boolean): Need[] {
  return needs.filter(
    (need) => purposesOf[purpose].includes(need.purpose) && !need.evidence.some(exists),
  );
}
