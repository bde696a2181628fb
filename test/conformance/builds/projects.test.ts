import { after, before, describe, test } from "node:test";
import { containersOnly } from "../../e2e/daemon.ts";
import { ProjectBuilder } from "./project-builder.ts";
import { projects } from "./projects.ts";

describe(
  "projects of many kinds become the images that Docker makes of them",
  {
    timeout: 1_500_000,
  },
  () => {
    let builder: ProjectBuilder;
    before(async () => {
      builder = await ProjectBuilder.start("container", containersOnly);
    });
    after(() => builder.end());

    for (const name of Object.keys(projects)) test(name, () => builder.compare(name));
  },
);
