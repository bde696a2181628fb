/** Numbers of the tree operations; docs/internals/rootfs-operations.md and native/rootfs/operations.h say the same. */
export const treeOperation = {
  enter: 1,
  barrier: 2,
  directory: 3,
  file: 4,
  data: 5,
  end: 6,
  symlink: 7,
  hardlink: 8,
  node: 9,
  whiteout: 10,
  opaque: 11,
  remove: 12,
  metadata: 13,
  copy: 14,
  stat: 20,
  read: 21,
  tree: 22,
  sync: 23,
  execute: 30,
} as const;

export const treeAnswer = {
  ok: 64,
  error: 65,
  entry: 66,
  content: 67,
  note: 68,
  packed: 69,
} as const;

export const treeHeaderSize = 12;
export const treeMaximumPayload = 1 << 20;

/** What to do where something is already. */
export const treePolicy = { replace: 0, keepKind: 1, keep: 2 } as const;
export type TreePolicy = (typeof treePolicy)[keyof typeof treePolicy];

export const metadataPart = { mode: 1, owner: 2, times: 4, attributes: 8 } as const;
export const fileMore = 1;
export const enterKind = { mounts: 1, process: 2 } as const;
export const enterFlag = { readonly: 1, layer: 2, beside: 4 } as const;
export const walkFlag = { content: 1, overlay: 2, oneDevice: 4, shallow: 8, packed: 16 } as const;
