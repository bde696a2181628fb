import { command } from "./host.ts";

/** A way to make a file system, and what it cannot keep (tree.py). */
export interface FileSystem {
  readonly name: string;
  readonly mebibytes: number;
  readonly argv: readonly string[];
  readonly without: readonly string[];
  /** For this host's mount. */
  readonly options: string;
  /** Run over the file after it was made. */
  after?(file: string): Promise<void>;
}

const plainExt = ["after2038", "before1970", "nanoseconds"];

function ext(name: string, words: readonly string[], more: Partial<FileSystem> = {}): FileSystem {
  const block = words.includes("-b") ? [] : ["-b", "4096"];
  const argv = ["mke2fs", "-q", "-F", ...block, ...words];
  return { name: `ext4 ${name}`, mebibytes: 96, argv, without: [], options: "rw", ...more };
}

function xfs(name: string, words: readonly string[], more: Partial<FileSystem> = {}): FileSystem {
  const argv = ["mkfs.xfs", "-q", "-f", ...words];
  return { name: `xfs ${name}`, mebibytes: 320, argv, without: [], options: "rw", ...more };
}

function btrfs(name: string, words: readonly string[], more: Partial<FileSystem> = {}): FileSystem {
  const argv = ["mkfs.btrfs", "-q", "-f", ...words];
  return { name: `btrfs ${name}`, mebibytes: 256, argv, without: [], options: "rw", ...more };
}

const type4 = ["-t", "ext4"];
export const fileSystems: readonly FileSystem[] = [
  ext("1k blocks", [...type4, "-b", "1024"]),
  ext("2k blocks", [...type4, "-b", "2048"]),
  ext("4k blocks", [...type4, "-b", "4096"]),
  ext("64bit", [...type4, "-O", "64bit"]),
  ext("not 64bit", [...type4, "-O", "^64bit"]),
  ext("bigalloc", [...type4, "-O", "bigalloc", "-C", "65536"], {
    mebibytes: 512,
    without: ["huge"],
  }),
  ext("inline_data", [...type4, "-O", "inline_data", "-I", "256"]),
  ext("inline_data of 1k", [...type4, "-O", "inline_data", "-I", "1024"]),
  ext("no journal", [...type4, "-O", "^has_journal"]),
  ext("metadata_csum_seed", [...type4, "-O", "metadata_csum,metadata_csum_seed"]),
  ext("no metadata_csum", [...type4, "-O", "^metadata_csum"]),
  ext("orphan_file", [...type4, "-O", "orphan_file"]),
  ext("casefold", [...type4, "-O", "casefold", "-E", "encoding=utf8"]),
  ext("large_dir and ea_inode", [...type4, "-O", "large_dir,ea_inode"]),
  ext("encrypt, verity, project", [...type4, "-O", "encrypt,verity,project,quota"]),
  ext("small inodes", [...type4, "-I", "128"], { without: plainExt }),
  ext("meta_bg", [...type4, "-O", "meta_bg,^resize_inode"]),
  ext("sparse_super2, uninit_bg", [...type4, "-O", "sparse_super2,^metadata_csum,uninit_bg"]),
  ext("ext2", ["-t", "ext2", "-I", "128"], { without: plainExt }),
  ext("ext3", ["-t", "ext3"], { without: ["after2038"] }),
  ext("stable_inodes and mmp", [...type4, "-O", "mmp,stable_inodes"]),
  xfs("v5", []),
  xfs("v4", ["-m", "crc=0"], { without: ["after2038"] }),
  xfs("v4 without ftype", ["-m", "crc=0", "-n", "ftype=0"], { without: ["after2038"] }),
  xfs("without bigtime", ["-m", "bigtime=0,reflink=0"], { without: ["after2038"] }),
  xfs("nrext64", ["-i", "nrext64=1"]),
  xfs("rmapbt", ["-m", "rmapbt=1,reflink=1"]),
  xfs("1k blocks", ["-b", "size=1024", "-m", "reflink=0"]),
  xfs("512 bytes of block", ["-m", "crc=0", "-b", "size=512", "-i", "size=256"], {
    without: ["after2038"],
  }),
  xfs("inodes of 2k", ["-i", "size=2048"]),
  xfs("4k sectors", ["-s", "size=4096"]),
  xfs("folders of 64k", ["-n", "size=65536"]),
  xfs("sparse inodes off, finobt off", ["-i", "sparse=0", "-m", "finobt=0,inobtcount=0"]),
  btrfs("plain", []),
  btrfs("nodes of 4k", ["-n", "4096"]),
  btrfs("nodes of 64k", ["-n", "65536"]),
  btrfs("mixed", ["--mixed"]),
  btrfs("single metadata", ["-m", "single"]),
  btrfs("xxhash", ["--csum", "xxhash"]),
  btrfs("blake2", ["--csum", "blake2"]),
  btrfs("zlib", [], { options: "rw,compress-force=zlib" }),
  btrfs("lzo", [], { options: "rw,compress-force=lzo" }),
  btrfs("zstd", [], { options: "rw,compress-force=zstd:3" }),
  btrfs("no inline", [], { options: "rw,max_inline=0" }),
  btrfs("old space cache, extrefs off", ["-O", "^no-holes,^extref", "-R", "^free-space-tree"]),
];

export async function makeFileSystem(kind: FileSystem, file: string): Promise<void> {
  const [program = "", ...words] = kind.argv;
  await command(program, ...words, file);
  await kind.after?.(file);
}
