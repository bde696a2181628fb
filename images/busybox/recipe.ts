import { baseFiles, defaultPath, needlessFiles, type ImageRecipe } from "../recipe.ts";

export const busybox: ImageRecipe = {
  name: "busybox",
  summary: "Debian's static busybox with a link for every applet",
  packages: ["busybox-static"],
  follow: /^$/,
  omit: needlessFiles,
  applets: "usr/bin",
  files: baseFiles,
  config: { Cmd: ["sh"], Env: [defaultPath] },
};
