import { testAttestations } from "./docker-build/attestations.ts";
import { testSteps } from "./docker-build/steps.ts";
import { testOlderClient, testTools } from "./docker-build/tools.ts";
import { testWays } from "./docker-build/ways.ts";

testSteps();
testWays();
testTools();
testOlderClient();
testAttestations();
