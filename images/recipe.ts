/** Docker's and OCI's image configuration, the part that recipes set (OCI image spec, config.md). */
export interface ImageConfig {
  readonly Cmd?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Env?: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly StopSignal?: string;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** One path of an image; `mode` is octal permission bits, owners are root. */
export type RecipeFile = { readonly path: string; readonly mode?: number } & (
  | { readonly directory: true }
  | { readonly text: string }
  | { readonly link: string }
  /** A file beside the recipe. */
  | { readonly source: string }
  /** A C file beside the recipe, compiled static. */
  | { readonly program: string }
);

/**
 * How to make an image from Debian's packages, without root, registry or container engine: package
 * files as they are, then the recipe's own.
 */
export interface ImageRecipe {
  /** The image's name, and its folder's below `images/`. */
  readonly name: string;
  readonly summary: string;
  readonly packages: readonly string[];
  /** Dependencies that are unpacked as well, by package name; the others are for installing, not for running. */
  readonly follow: RegExp;
  /** Paths of packages, without a leading slash, that are left out. */
  readonly omit: RegExp;
  /** Where links for every applet of busybox go that no package provides; "" for none. */
  readonly applets: string;
  readonly files: readonly RecipeFile[];
  readonly config: ImageConfig;
}

export const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What only installing, reading or other systems need; copyright notices stay. */
export const needlessFiles: RegExp =
  /^usr\/share\/(?:man|info|locale|lintian|bug|bash-completion|apport|initramfs-tools|menu|doc\/(?!.*\/copyright$)[^/]+\/[^/]+)|^etc\/(?:init\.d|default|logrotate\.d|ufw|skel)|(?:^|\/)systemd\/|\/gconv\/|^lib32|^libx32/;

/** Folders and files that programs expect of any Linux. */
export const baseFiles: readonly RecipeFile[] = [
  { path: "dev", directory: true },
  { path: "etc", directory: true },
  { path: "home", directory: true },
  { path: "proc", directory: true },
  { path: "root", directory: true, mode: 0o700 },
  { path: "run", directory: true },
  { path: "sys", directory: true },
  { path: "tmp", directory: true, mode: 0o1777 },
  { path: "usr", directory: true },
  { path: "usr/bin", directory: true },
  { path: "usr/lib", directory: true },
  { path: "usr/lib64", directory: true },
  { path: "usr/sbin", directory: true },
  { path: "bin", link: "usr/bin" },
  { path: "lib", link: "usr/lib" },
  { path: "lib64", link: "usr/lib64" },
  { path: "sbin", link: "usr/sbin" },
  { path: "var", directory: true },
  { path: "var/log", directory: true },
  { path: "var/run", link: "../run" },
  { path: "var/tmp", directory: true, mode: 0o1777 },
  {
    path: "etc/passwd",
    text: [
      "root:x:0:0:root:/root:/bin/sh",
      "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
      "bin:x:2:2:bin:/bin:/bin/false",
      "mail:x:8:8:mail:/var/mail:/bin/false",
      "www-data:x:33:33:www-data:/var/www:/bin/false",
      "nobody:x:65534:65534:nobody:/nonexistent:/bin/false",
      "",
    ].join("\n"),
  },
  {
    path: "etc/group",
    text: [
      "root:x:0:",
      "daemon:x:1:",
      "bin:x:2:",
      "adm:x:4:",
      "tty:x:5:",
      "mail:x:8:",
      "www-data:x:33:",
      "users:x:100:",
      "nogroup:x:65534:",
      "",
    ].join("\n"),
  },
  { path: "etc/shadow", text: "root:*:::::::\n", mode: 0o640 },
  { path: "etc/nsswitch.conf", text: "passwd: files\ngroup: files\nhosts: files dns\n" },
  { path: "etc/hosts", text: "127.0.0.1\tlocalhost\n" },
];
