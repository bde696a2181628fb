import { baseFiles, defaultPath, needlessFiles, type ImageRecipe } from "../recipe.ts";

export const nginx: ImageRecipe = {
  name: "nginx",
  summary: "Debian's nginx in the foreground, with bash and busybox to look around",
  packages: ["nginx", "bash", "busybox-static"],
  follow: /^(lib|nginx|zlib)/,
  omit: needlessFiles,
  applets: "usr/bin",
  files: [
    ...baseFiles,
    { path: "etc/nginx/nginx.conf", source: "nginx.conf" },
    { path: "etc/nginx/conf.d/default.conf", source: "default.conf" },
    { path: "var/log/nginx", directory: true },
    { path: "var/log/nginx/access.log", link: "/dev/stdout" },
    { path: "var/log/nginx/error.log", link: "/dev/stderr" },
  ],
  config: {
    Cmd: ["nginx", "-g", "daemon off;"],
    Env: [defaultPath],
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGQUIT",
  },
};
