import { clientAges } from "../../tools/clients/bring.ts";
import { testContainers } from "./docker-cli/containers.ts";
import { testFiles } from "./docker-cli/files.ts";
import { testImages } from "./docker-cli/images.ts";
import { testNetworks } from "./docker-cli/networks.ts";
import { testStreams } from "./docker-cli/streams.ts";
import { testSystem } from "./docker-cli/system.ts";
import { testVolumes } from "./docker-cli/volumes.ts";

for (const age of clientAges) {
  const isolations = age === "newest" ? (["container", "vm"] as const) : (["container"] as const);
  for (const isolation of isolations) {
    testStreams({ age, isolation });
    testFiles({ age, isolation });
    testContainers({ age, isolation });
  }
  testNetworks(age);
  testVolumes(age);
  testImages(age);
  testSystem(age);
}
