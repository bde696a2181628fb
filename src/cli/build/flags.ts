import type { FlagSpec } from "../flags.ts";

/** Of `--call`. */
export const requestWords = ["build", "check", "outline", "targets"] as const;

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
    summary: "Further contexts (name=folder, name=docker-image://image)",
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
  { name: "ssh", kind: "list", summary: "Agent that RUN may mount (default, or id=socket)" },
  { name: "no-cache", kind: "boolean", summary: "Do not use cache when building the image" },
  { name: "no-cache-filter", kind: "list", summary: "Stages that are built without the cache" },
  { name: "cache-from", kind: "list", summary: "Images whose layers may serve as results" },
  {
    name: "cache-to",
    kind: "list",
    summary: "Where the cache is put (type=registry,ref=image or type=inline)",
  },
  { name: "pull", kind: "boolean", summary: "Look for newer versions of the base images" },
  { name: "push", kind: "boolean", summary: "Push the image once it is built" },
  { name: "network", kind: "string", summary: "Network of RUN: default, none or host" },
  { name: "add-host", kind: "list", summary: "Add a host's address for RUN (host:ip)" },
  { name: "shm-size", kind: "bytes", summary: "Size of /dev/shm for RUN" },
  { name: "ulimit", kind: "list", summary: "Ulimits of RUN" },
  { name: "cgroup-parent", kind: "string", summary: "Parent cgroup of RUN" },
  { name: "allow", kind: "list", summary: "Allow what is privileged (network.host)" },
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
  { name: "progress", kind: "string", summary: "How progress is shown: auto, plain, tty or quiet" },
  { name: "quiet", short: "q", kind: "boolean", summary: "Print the image's id only" },
  { name: "rm", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  { name: "force-rm", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  { name: "load", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
];
