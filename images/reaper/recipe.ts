import type { ImageRecipe } from "../recipe.ts";

export const reaper: ImageRecipe = {
  name: "reaper",
  summary: "removes what a test session has left, as testcontainers' Ryuk does",
  packages: [],
  follow: /^$/,
  omit: /^$/,
  applets: "",
  files: [{ path: "reaper", program: "reaper.c", mode: 0o755 }],
  config: { Cmd: ["/reaper"], ExposedPorts: { "8080/tcp": {} } },
};
