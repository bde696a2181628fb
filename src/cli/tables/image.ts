import type { TableEntry } from "../table.ts";

const group = "Image Commands";

export const imageCommands: readonly TableEntry[] = [
  {
    names: ["image convert"],
    summary: "Make a bootable disk of a virtual machine from an image",
    group,
    load: () => import("../commands/image-convert.ts"),
  },
  {
    names: ["history", "image history"],
    summary: "Show the layers and steps of an image",
    group,
    load: () => import("../commands/history.ts"),
  },
  {
    names: ["import", "image import"],
    summary: "Make an image from a tar archive of a file system",
    group,
    load: () => import("../commands/import.ts"),
  },
  {
    names: ["image import-disk"],
    summary: "Make an image from the disk of a virtual machine",
    group,
    load: () => import("../commands/image-import-disk.ts"),
  },
  {
    names: ["image inspect"],
    summary: "Show details of images",
    group,
    load: () => import("../commands/inspect-image.ts"),
  },
  {
    names: ["load", "image load"],
    summary: "Load images from a tar archive",
    group,
    load: () => import("../commands/load.ts"),
  },
  {
    names: ["builder prune"],
    summary: "Remove build cache",
    group,
    load: () => import("../commands/prune-builds.ts"),
  },
  {
    names: ["image prune"],
    summary: "Remove unused images",
    group,
    load: () => import("../commands/prune-images.ts"),
  },
  {
    names: ["manifest annotate"],
    summary: "Say what platform an image of a manifest list is for",
    group,
    load: () => import("../commands/manifest-annotate.ts"),
  },
  {
    names: ["manifest create"],
    summary: "Make a manifest list of images at a registry",
    group,
    load: () => import("../commands/manifest-create.ts"),
  },
  {
    names: ["manifest inspect"],
    summary: "Show a manifest or manifest list",
    group,
    load: () => import("../commands/manifest-inspect.ts"),
  },
  {
    names: ["manifest push"],
    summary: "Write a manifest list to its registry",
    group,
    load: () => import("../commands/manifest-push.ts"),
  },
  {
    names: ["manifest rm"],
    summary: "Forget manifest lists that were made here",
    group,
    load: () => import("../commands/manifest-rm.ts"),
  },
  {
    names: ["image referrers"],
    summary: "Show what a registry has about an image",
    group,
    load: () => import("../commands/image-referrers.ts"),
  },
  {
    names: ["rmi", "image rm", "image remove"],
    summary: "Remove images",
    group,
    load: () => import("../commands/rmi.ts"),
  },
  {
    names: ["save", "image save"],
    summary: "Save images to a tar archive",
    group,
    load: () => import("../commands/save.ts"),
  },
  {
    names: ["tag", "image tag"],
    summary: "Give an image another name",
    group,
    load: () => import("../commands/tag.ts"),
  },
  {
    names: ["image wrap-disk"],
    summary: "Make an image that carries a disk of a virtual machine",
    group,
    load: () => import("../commands/image-wrap-disk.ts"),
  },
];
