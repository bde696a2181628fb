import type { FlagSpec } from "../flags.ts";

/** Of `--call`. */
export const requestWords = ["build", "check", "outline", "targets"] as const;

/** Of `--progress`. */
export const progressWords = ["auto", "plain", "tty", "quiet", "rawjson", "none"] as const;

const isolations = ["container", "vm"] as const;

/** Flags of `duet build`, in Docker's words. */
export const buildFlags: readonly FlagSpec[] = [
  {
    name: "tag",
    short: "t",
    kind: "list",
    summary: "Name and optionally a tag in the name:tag format",
  },
  {
    name: "file",
    short: "f",
    kind: "string",
    summary: "Name of the Dockerfile (default: PATH/Dockerfile)",
    completes: "files",
  },
  {
    name: "isolation",
    kind: "string",
    summary: "What RUN runs as: container or vm",
    completes: isolations,
  },
  { name: "build-arg", kind: "list", summary: "Set build-time variables" },
  {
    name: "build-context",
    kind: "list",
    summary: "Further contexts (name=folder, docker-image://image, oci-layout://folder or a URL)",
  },
  {
    name: "call",
    kind: "string",
    summary: "Build, or ask about the Dockerfile: build, check, outline or targets",
    completes: requestWords,
  },
  { name: "check", kind: "boolean", summary: "Look for faults of the Dockerfile (--call=check)" },
  { name: "target", kind: "string", summary: "Set the target build stage to build" },
  {
    name: "output",
    short: "o",
    kind: "list",
    summary: "Where the result goes (folder, or type=local,dest=folder)",
  },
  { name: "label", kind: "list", summary: "Set metadata for an image" },
  { name: "annotation", kind: "list", summary: "Add an annotation to the image's manifest" },
  { name: "platform", kind: "list", summary: "Set the platforms that the image is for" },
  {
    name: "secret",
    kind: "list",
    summary: "Secret that RUN may mount (id=mysecret,src=file or env=NAME)",
  },
  { name: "ssh", kind: "list", summary: "Agent that RUN may mount (default, id=socket or id=key)" },
  { name: "no-cache", kind: "boolean", summary: "Do not use cache when building the image" },
  { name: "no-cache-filter", kind: "list", summary: "Stages that are built without the cache" },
  {
    name: "cache-from",
    kind: "list",
    summary: "What has results of steps (image, or type=local,src=folder)",
  },
  {
    name: "cache-to",
    kind: "list",
    summary:
      "Where the cache is put (type=registry,ref=image, type=local,dest=folder or type=inline)",
  },
  { name: "pull", kind: "boolean", summary: "Look for newer versions of the base images" },
  { name: "push", kind: "boolean", summary: "Push the image once it is built" },
  { name: "network", kind: "string", summary: "Network of RUN: default, none or host" },
  { name: "add-host", kind: "list", summary: "Add a host's address for RUN (host:ip)" },
  { name: "shm-size", kind: "bytes", summary: "Size of /dev/shm for RUN" },
  { name: "ulimit", kind: "list", summary: "Ulimits of RUN" },
  { name: "cgroup-parent", kind: "string", summary: "Parent cgroup of RUN" },
  { name: "memory", short: "m", kind: "bytes", summary: "Memory of each RUN; for a VM its memory" },
  {
    name: "memory-swap",
    kind: "bytes",
    summary: "Memory and swap of each RUN: -1 to enable unlimited swap",
  },
  { name: "cpus", kind: "decimal", summary: "CPUs of each RUN; for a VM its virtual CPUs" },
  { name: "cpu-shares", short: "c", kind: "integer", summary: "CPU shares of each RUN" },
  { name: "cpu-period", kind: "integer", summary: "Limit CPU CFS period of each RUN" },
  { name: "cpu-quota", kind: "integer", summary: "Limit CPU CFS quota of each RUN" },
  { name: "cpuset-cpus", kind: "string", summary: "CPUs that RUN may use (0-3, 0,1)" },
  { name: "cpuset-mems", kind: "string", summary: "Memory nodes that RUN may use (0-3, 0,1)" },
  { name: "allow", kind: "list", summary: "Allow what is privileged (network.host)" },
  {
    name: "attest",
    kind: "list",
    summary: "Attach a statement (type=provenance[,mode=max] or type=sbom)",
  },
  { name: "provenance", kind: "string", summary: "Attach how the image was made: true or max" },
  { name: "sbom", kind: "string", summary: "Attach a list of the packages in the image: true" },
  {
    name: "iidfile",
    kind: "string",
    summary: "Write the image's id to a file",
    completes: "files",
  },
  {
    name: "metadata-file",
    kind: "string",
    summary: "Write what the build gave to a file, as JSON",
    completes: "files",
  },
  {
    name: "progress",
    kind: "string",
    summary: "How progress is shown: auto, plain, tty, quiet, rawjson or none",
    completes: progressWords,
  },
  { name: "quiet", short: "q", kind: "boolean", summary: "Print the image's id only" },
  { name: "rm", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  { name: "force-rm", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  { name: "compress", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  { name: "load", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
];
