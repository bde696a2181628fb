import type { ImageRecipe } from "../recipe.ts";

export const helloWorld: ImageRecipe = {
  name: "hello-world",
  summary: "one static program that greets and says where it runs",
  packages: [],
  follow: /^$/,
  omit: /^$/,
  applets: "",
  files: [{ path: "hello", program: "hello.c", mode: 0o755 }],
  config: { Cmd: ["/hello"] },
};
