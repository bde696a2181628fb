import { after, before, describe, test } from "node:test";
import { ProjectBuilder } from "./project-builder.ts";
import { projects } from "./projects.ts";

describe(
  "projects become the same images where each RUN is a machine",
  {
    timeout: 3_600_000,
  },
  () => {
    let builder: ProjectBuilder;
    before(async () => {
      builder = await ProjectBuilder.start("vm", ["--vm-pool-size", "0"]);
    });
    after(() => builder.end());

    for (const name of Object.keys(projects)) test(name, () => builder.compare(name));
  },
);
